// The part of a layer that must go step by step, forwards and back: what scan and scan_back in _scan.py do, in C++.
// Shapes: B batch, N rows of all steps, H hidden units, P projected units (P = H without a projection).

#include "_normed.h"
#include "_steps.h"

namespace {

// What sets the cell apart from the standard one: see Kind in _scan.py.
struct Kind {
  Maybe peep;
  bool says_all;
  Maybe W_hr, W_u, b_u;
};

// One row: the preactivations a (4 H) become i, f, g, o, and c becomes f c + i g. kept is f c, if anybody wants it.
template <typename T>
void remember(T* __restrict__ a, const T* __restrict__ peep, T* __restrict__ kept, T* __restrict__ c, int64_t H) {
  T *i = a, *f = a + H, *g = a + 2 * H, *o = a + 3 * H;
  if (peep) {
    for (int64_t k = 0; k < H; ++k) i[k] += peep[k] * c[k];
    for (int64_t k = 0; k < H; ++k) f[k] += peep[H + k] * c[k];
  }
  sigmoid_(i, 2 * H);
  tanh_to(g, g, H);
  for (int64_t k = 0; k < H; ++k) c[k] *= f[k];
  if (kept) std::copy(c, c + H, kept);
  for (int64_t k = 0; k < H; ++k) c[k] += i[k] * g[k];
  if (peep) {
    for (int64_t k = 0; k < H; ++k) o[k] += peep[2 * H + k] * c[k];
  }
  sigmoid_(o, H);
}

// All steps of some sequences; W, W_u and W_hr are transposed. h (·, P) and c (·, H) hold the states of these sequences,
// and in the end the last ones.
template <typename T>
void forward_of(Tensor& gates, const Tensor& W, const Kind& kind, Tensor h, Tensor c, Tensor& hs, Tensor& cs,
                const std::vector<Step>& steps) {
  const int64_t H = c.size(1);
  Tensor m = kind.W_hr ? at::empty_like(c) : h, kept = kind.W_u ? at::empty_like(c) : Tensor();  // m: before W_hr
  T *c_p = c.data_ptr<T>(), *m_p = m.data_ptr<T>(), *kept_p = kind.W_u ? kept.data_ptr<T>() : nullptr;
  for (auto [first, b] : steps) {
    Tensor a = gates.narrow(0, first, b), h_b = h.narrow(0, 0, b), m_b = m.narrow(0, 0, b);
    a.addmm_(h_b, W);
    T *a_p = a.data_ptr<T>(), *cs_p = cs.data_ptr<T>() + first * H;
    each_row(b, H, [&](int64_t r) {
      T *c_r = c_p + r * H, *m_r = m_p + r * H;
      remember<T>(a_p + r * 4 * H, pointer<T>(kind.peep), kept_p ? kept_p + r * H : nullptr, c_r, H);
      std::copy(c_r, c_r + H, cs_p + r * H);
      if (!kept_p) kind.says_all ? static_cast<void>(std::copy(c_r, c_r + H, m_r)) : tanh_to(m_r, c_r, H);
    });
    if (kind.W_u) {  // as drawn: tanh(W_u kept + b_u)
      Tensor kept_b = kept.narrow(0, 0, b);
      kind.b_u ? at::addmm_out(m_b, *kind.b_u, kept_b, *kind.W_u) : at::mm_out(m_b, kept_b, *kind.W_u);
    }
    if (!kind.says_all) {
      each_row(b, H, [&](int64_t r) {
        T *m_r = m_p + r * H, *o = a_p + r * 4 * H + 3 * H;
        if (kept_p) tanh_to(m_r, m_r, H);
        for (int64_t k = 0; k < H; ++k) m_r[k] *= o[k];
      });
    }
    if (kind.W_hr) at::mm_out(h_b, m_b, *kind.W_hr);
    hs.narrow(0, first, b).copy_(h_b);
  }
}

// All steps of some sequences, the last step first; c_0, d_h (·, P) and d_c (·, H) are theirs. d_h and d_c hold the
// gradients of their states, and in the end those of the initial ones. said: tanh(W_u kept + b_u) of all rows, in the drawn cell.
template <typename T>
void backward_of(const Tensor& d_hs, const Tensor& W_hh, const Kind& kind, const Maybe& said, const Tensor& gates,
                 const Tensor& cs, const Tensor& c_0, Tensor& d_shares, Tensor& heard, Tensor d_h, Tensor d_c,
                 const std::vector<Step>& steps) {
  const int64_t H = cs.size(1);
  Tensor d_m = kind.W_hr ? at::empty_like(d_c) : Tensor(), by_said = kind.W_u ? at::empty_like(d_c) : Tensor();
  const T *peep = pointer<T>(kind.peep), *c_0_p = c_0.const_data_ptr<T>();
  const T* all_cs = cs.const_data_ptr<T>();
  T* d_c_p = d_c.data_ptr<T>();
  for (int64_t n = static_cast<int64_t>(steps.size()) - 1; n >= 0; --n) {
    const auto [first, b] = steps[n];
    const int64_t earlier = n > 0 ? std::min(steps[n - 1].b, b) : 0;  // the other sequences begin here
    const T* before_p = n > 0 ? all_cs + steps[n - 1].first * H : nullptr;
    const T *a_p = gates.const_data_ptr<T>() + first * 4 * H, *cs_p = all_cs + first * H;
    Tensor now_h = d_h.narrow(0, 0, b), d_a = d_shares.narrow(0, first, b);
    now_h.add_(d_hs.narrow(0, first, b));
    if (kind.W_hr) {
      heard.narrow(0, first, b).copy_(now_h);
      Tensor d_m_b = d_m.narrow(0, 0, b);
      at::mm_out(d_m_b, now_h, *kind.W_hr);
    }
    T *d_a_p = d_a.data_ptr<T>(), *m_p = (kind.W_hr ? d_m : now_h).template data_ptr<T>();
    each_row(b, H, [&](int64_t r) {  // through h = o tanh(c), or as drawn
      const T *o = a_p + r * 4 * H + 3 * H, *m = m_p + r * H;
      T *d_o = d_a_p + r * 4 * H + 3 * H, *dc = d_c_p + r * H;
      if (kind.says_all) {
        for (int64_t k = 0; k < H; ++k) d_o[k] = 0;
        for (int64_t k = 0; k < H; ++k) dc[k] += m[k];
        return;
      }
      if (said) {
        const T* u = said->const_data_ptr<T>() + (first + r) * H;
        T* to = heard.data_ptr<T>() + (first + r) * H;
        for (int64_t k = 0; k < H; ++k) to[k] = m[k] * o[k] * (1 - u[k] * u[k]);
        for (int64_t k = 0; k < H; ++k) d_o[k] = m[k] * u[k] * o[k] * (1 - o[k]);
        return;
      }
      tanh_to(d_o, cs_p + r * H, H);
      for (int64_t k = 0; k < H; ++k) {
        const T u = d_o[k];
        dc[k] += m[k] * o[k] * (1 - u * u);
        d_o[k] = m[k] * u * o[k] * (1 - o[k]);
      }
      if (peep) {
        for (int64_t k = 0; k < H; ++k) dc[k] += d_o[k] * peep[2 * H + k];
      }
    });
    if (said) {
      Tensor by_said_b = by_said.narrow(0, 0, b);
      at::mm_out(by_said_b, heard.narrow(0, first, b), *kind.W_u);
    }
    const T* more_p = said ? by_said.const_data_ptr<T>() : nullptr;
    each_row(b, H, [&](int64_t r) {  // through c = f c_prev + i g
      const T *i = a_p + r * 4 * H, *f = i + H, *g = f + H, *c_prev = r < earlier ? before_p + r * H : c_0_p + r * H;
      T *d_i = d_a_p + r * 4 * H, *d_f = d_i + H, *d_g = d_f + H, *dc = d_c_p + r * H;
      for (int64_t k = 0; k < H; ++k) d_i[k] = dc[k] * g[k] * i[k] * (1 - i[k]);
      for (int64_t k = 0; k < H; ++k) d_g[k] = dc[k] * i[k] * (1 - g[k] * g[k]);
      if (more_p) {  // kept alone goes on to W_u
        for (int64_t k = 0; k < H; ++k) dc[k] += more_p[r * H + k];
      }
      for (int64_t k = 0; k < H; ++k) d_f[k] = dc[k] * c_prev[k] * f[k] * (1 - f[k]);
      for (int64_t k = 0; k < H; ++k) dc[k] *= f[k];
      if (peep) {
        for (int64_t k = 0; k < H; ++k) dc[k] += d_i[k] * peep[k] + d_f[k] * peep[H + k];
      }
    });
    at::mm_out(now_h, d_a, W_hh);
  }
}

using Four = std::tuple<Tensor, Tensor, Tensor, Tensor>;

Four forward(Tensor gates, const Tensor& W_hh, const Maybe& peep, bool says_all, const Maybe& W_hr, const Maybe& W_u,
             const Maybe& b_u, const Tensor& h_0, const Tensor& c_0, at::IntArrayRef sizes, bool reverse) {
  Tensor h = h_0.clone(at::MemoryFormat::Contiguous), c = c_0.clone(at::MemoryFormat::Contiguous);
  Tensor hs = at::empty({gates.size(0), h.size(1)}, gates.options());
  Tensor cs = at::empty({gates.size(0), c.size(1)}, gates.options());
  const auto W_t = [&](const Maybe& W) { return W ? Maybe(transposed(*W, sizes)) : W; };
  const Tensor W = transposed(W_hh, sizes);
  const Kind kind{peep, says_all, W_t(W_hr), W_t(W_u), b_u};
  AT_DISPATCH_FLOATING_TYPES(gates.scalar_type(), "scan", [&] {
    each_part(sizes, W_hh, [&](int64_t begin, int64_t end) {
      forward_of<scalar_t>(gates, W, kind, h.slice(0, begin, end), c.slice(0, begin, end), hs, cs,
                           in_order(sizes, reverse, begin, end));
    });
  });
  return {hs, cs, h, c};
}

Four backward(const Tensor& d_hs, const Tensor& d_h_n, const Tensor& d_c_n, const Tensor& W_hh, const Maybe& peep,
              bool says_all, const Maybe& W_hr, const Maybe& W_u, const Maybe& said, const Tensor& c_0,
              const Tensor& cs, const Tensor& gates, at::IntArrayRef sizes, bool reverse) {
  Tensor d_h = d_h_n.clone(at::MemoryFormat::Contiguous), d_c = d_c_n.clone(at::MemoryFormat::Contiguous);
  Tensor d_shares = at::empty_like(gates), heard = W_hr || W_u ? at::empty_like(d_hs) : d_hs;
  const Kind kind{peep, says_all, W_hr, W_u, std::nullopt};
  AT_DISPATCH_FLOATING_TYPES(gates.scalar_type(), "scan_back", [&] {
    each_part(sizes, W_hh, [&](int64_t begin, int64_t end) {
      backward_of<scalar_t>(d_hs, W_hh, kind, said, gates, cs, c_0.slice(0, begin, end), d_shares, heard,
                            d_h.slice(0, begin, end), d_c.slice(0, begin, end), in_order(sizes, reverse, begin, end));
    });
  });
  return {d_shares, heard, d_h, d_c};
}

}  // namespace

TORCH_LIBRARY(lstm_lib_steps, library) {
  library.def(
      "forward(Tensor(a!) gates, Tensor W_hh, Tensor? peep, bool says_all, Tensor? W_hr, Tensor? W_u, Tensor? b_u, "
      "Tensor h_0, Tensor c_0, int[] sizes, bool reverse) -> (Tensor, Tensor, Tensor, Tensor)");
  library.def(
      "backward(Tensor d_hs, Tensor d_h_n, Tensor d_c_n, Tensor W_hh, Tensor? peep, bool says_all, Tensor? W_hr, "
      "Tensor? W_u, Tensor? said, Tensor c_0, Tensor cs, Tensor gates, int[] sizes, bool reverse) -> "
      "(Tensor, Tensor, Tensor, Tensor)");
  library.def(
      "normed_forward(Tensor(a!) gates, Tensor W_hh, Tensor gain_z, Tensor? shift_z, Tensor gain_c, Tensor? shift_c, "
      "Tensor h_0, Tensor c_0, int[] sizes, bool reverse) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");
  library.def(
      "normed_backward(Tensor d_hs, Tensor d_h_n, Tensor d_c_n, Tensor W_hh, Tensor gain_z, Tensor gain_c, "
      "Tensor? shift_c, Tensor c_0, Tensor cs, Tensor zs, Tensor gates, int[] sizes, bool reverse) -> "
      "(Tensor, Tensor, Tensor, Tensor, Tensor)");
}

// For tensors that lie in the memory of a processor, and for no others: what is here asks for addresses.
TORCH_LIBRARY_IMPL(lstm_lib_steps, CPU, library) {
  library.impl("forward", &forward);
  library.impl("backward", &backward);
  library.impl("normed_forward", &normed_forward);
  library.impl("normed_backward", &normed_backward);
}
