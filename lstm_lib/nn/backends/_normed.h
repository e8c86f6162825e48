// The steps of the layer-normalised cell, forwards and back: what scan and scan_back in _normed.py do, in C++.
// Shapes: B batch, N rows of all steps, H hidden units.

#pragma once

#include "_steps.h"

namespace {

constexpr double EPS = 1e-5;  // NORM_EPS in steps.py

// What becomes of a normalised row: gain times it, and shift, if there is one, is added.
template <typename T>
struct Norm {
  const T *gain, *shift;
};

template <typename T>
Norm<T> norm(const Tensor& gain, const Maybe& shift) {
  return {gain.const_data_ptr<T>(), pointer<T>(shift)};
}

// (x - mean) times rstd has mean 0 and variance 1, all but EPS.
template <typename T>
struct Moments {
  T mean, rstd;
};

template <typename T>
Moments<T> moments(const T* x, int64_t n) {
  const auto add = [](Vectorized<T> a, Vectorized<T> b) { return a + b; };
  const T mean = at::vec::reduce_all<T>(add, x, n) / n;
  const auto square = [mean](Vectorized<T> v) { return (v - Vectorized<T>(mean)) * (v - Vectorized<T>(mean)); };
  const T variance = at::vec::map_reduce_all<T>(square, add, x, n) / n;
  return {mean, static_cast<T>(1 / std::sqrt(variance + EPS))};
}

// x normalised is put to a row, or added to what is there.
template <bool ADDS, typename T>
void normalise(T* to, const T* x, Norm<T> norm, int64_t n) {
  const auto [mean, rstd] = moments(x, n);
  for (int64_t k = 0; k < n; ++k) to[k] = (ADDS ? to[k] : 0) + (x[k] - mean) * rstd * norm.gain[k];
  if (!norm.shift) return;
  for (int64_t k = 0; k < n; ++k) to[k] += norm.shift[k];
}

// d is the gradient of x normalised; that of x is put to a row, or added to what is there.
template <bool ADDS, typename T>
void normalise_back(T* to, const T* d, const T* x, Norm<T> norm, int64_t n) {
  using V = Vectorized<T>;
  const auto [mean, rstd] = moments(x, n);
  const V means(mean), rstds(rstd);
  const auto add = [](V a, V b) { return a + b; };
  const auto along = [=](V d, V gain, V x) { return d * gain * (x - means) * rstds; };
  const T to_mean = at::vec::map2_reduce_all<T>([](V d, V gain) { return d * gain; }, add, d, norm.gain, n) / n;
  const T to_rstd = at::vec::map3_reduce_all<T>(along, add, d, norm.gain, x, n) / n;
  for (int64_t k = 0; k < n; ++k) {
    const T back = rstd * (d[k] * norm.gain[k] - to_mean - (x[k] - mean) * rstd * to_rstd);
    to[k] = ADDS ? to[k] + back : back;
  }
}

// All steps of some sequences; W is transposed. h and c (·, H) hold the states of these sequences, and in the end the
// last ones. zs keeps W_hh h.
template <typename T>
void normed_forward_of(Tensor& gates, const Tensor& W, Norm<T> hears, Norm<T> says, Tensor h, Tensor c, Tensor& hs,
                       Tensor& cs, Tensor& zs, const std::vector<Step>& steps) {
  const int64_t H = c.size(1);
  T *h_p = h.data_ptr<T>(), *c_p = c.data_ptr<T>();
  for (auto [first, b] : steps) {
    Tensor z = zs.narrow(0, first, b);
    at::mm_out(z, h.narrow(0, 0, b), W);
    const T* z_p = z.const_data_ptr<T>();
    T *a_p = gates.data_ptr<T>() + first * 4 * H, *hs_p = hs.data_ptr<T>() + first * H;
    T* cs_p = cs.data_ptr<T>() + first * H;
    each_row(b, H, [&](int64_t r) {
      T *i = a_p + r * 4 * H, *f = i + H, *g = f + H, *o = g + H, *c_r = c_p + r * H, *h_r = h_p + r * H;
      normalise<true>(i, z_p + r * 4 * H, hears, 4 * H);
      sigmoid_(i, 2 * H);
      tanh_to(g, g, H);
      sigmoid_(o, H);
      for (int64_t k = 0; k < H; ++k) c_r[k] = f[k] * c_r[k] + i[k] * g[k];
      normalise<false>(h_r, c_r, says, H);
      tanh_to(h_r, h_r, H);
      for (int64_t k = 0; k < H; ++k) h_r[k] *= o[k];
      std::copy(c_r, c_r + H, cs_p + r * H);
      std::copy(h_r, h_r + H, hs_p + r * H);
    });
  }
}

// All steps of some sequences, the last step first; c_0, d_h and d_c (·, H) are theirs. d_h and d_c hold the gradients of
// their states, and in the end those of the initial ones. d_zs: those of W_hh h; d_ns: those of c normalised.
template <typename T>
void normed_backward_of(const Tensor& d_hs, const Tensor& W_hh, Norm<T> hears, Norm<T> says, const Tensor& gates,
                        const Tensor& zs, const Tensor& cs, const Tensor& c_0, Tensor& d_shares, Tensor& d_zs,
                        Tensor& d_ns, Tensor d_h, Tensor d_c, const std::vector<Step>& steps) {
  const int64_t H = cs.size(1);
  const T *c_0_p = c_0.const_data_ptr<T>(), *all_cs = cs.const_data_ptr<T>();
  T *d_h_p = d_h.data_ptr<T>(), *d_c_p = d_c.data_ptr<T>();
  for (int64_t n = static_cast<int64_t>(steps.size()) - 1; n >= 0; --n) {
    const auto [first, b] = steps[n];
    const int64_t earlier = n > 0 ? std::min(steps[n - 1].b, b) : 0;  // the other sequences begin here
    const T* before_p = n > 0 ? all_cs + steps[n - 1].first * H : nullptr;
    const T *a_p = gates.const_data_ptr<T>() + first * 4 * H, *z_p = zs.const_data_ptr<T>() + first * 4 * H;
    const T *c_p = all_cs + first * H, *d_hs_p = d_hs.const_data_ptr<T>() + first * H;
    Tensor d_z = d_zs.narrow(0, first, b), now_h = d_h.narrow(0, 0, b);
    T *d_a_p = d_shares.data_ptr<T>() + first * 4 * H, *d_z_p = d_z.data_ptr<T>();
    T* d_n_p = d_ns.data_ptr<T>() + first * H;
    each_row(b, H, [&](int64_t r) {
      const T *i = a_p + r * 4 * H, *f = i + H, *g = f + H, *o = g + H, *c = c_p + r * H, *from_above = d_hs_p + r * H;
      const T* c_prev = r < earlier ? before_p + r * H : c_0_p + r * H;
      T *d_i = d_a_p + r * 4 * H, *d_f = d_i + H, *d_g = d_f + H, *d_o = d_g + H;
      T *d_n = d_n_p + r * H, *dh = d_h_p + r * H, *dc = d_c_p + r * H;
      normalise<false>(d_o, c, says, H);
      tanh_to(d_o, d_o, H);
      for (int64_t k = 0; k < H; ++k) {
        const T u = d_o[k], d = dh[k] + from_above[k];
        d_n[k] = d * o[k] * (1 - u * u);
        d_o[k] = d * u * o[k] * (1 - o[k]);
      }
      normalise_back<true>(dc, d_n, c, says, H);
      for (int64_t k = 0; k < H; ++k) d_i[k] = dc[k] * g[k] * i[k] * (1 - i[k]);
      for (int64_t k = 0; k < H; ++k) d_g[k] = dc[k] * i[k] * (1 - g[k] * g[k]);
      for (int64_t k = 0; k < H; ++k) d_f[k] = dc[k] * c_prev[k] * f[k] * (1 - f[k]);
      for (int64_t k = 0; k < H; ++k) dc[k] *= f[k];
      normalise_back<false>(d_z_p + r * 4 * H, d_i, z_p + r * 4 * H, hears, 4 * H);
    });
    at::mm_out(now_h, d_z, W_hh);
  }
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> normed_forward(
    Tensor gates, const Tensor& W_hh, const Tensor& gain_z, const Maybe& shift_z, const Tensor& gain_c,
    const Maybe& shift_c, const Tensor& h_0, const Tensor& c_0, at::IntArrayRef sizes, bool reverse) {
  Tensor h = h_0.clone(at::MemoryFormat::Contiguous), c = c_0.clone(at::MemoryFormat::Contiguous);
  Tensor hs = at::empty({gates.size(0), h.size(1)}, gates.options()), cs = at::empty_like(hs);
  Tensor zs = at::empty_like(gates);
  const Tensor W = transposed(W_hh, sizes);
  AT_DISPATCH_FLOATING_TYPES(gates.scalar_type(), "normed_scan", [&] {
    const auto hears = norm<scalar_t>(gain_z, shift_z), says = norm<scalar_t>(gain_c, shift_c);
    each_part(sizes, W_hh, [&](int64_t begin, int64_t end) {
      normed_forward_of<scalar_t>(gates, W, hears, says, h.slice(0, begin, end), c.slice(0, begin, end), hs, cs, zs,
                                  in_order(sizes, reverse, begin, end));
    });
  });
  return {hs, cs, zs, h, c};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> normed_backward(
    const Tensor& d_hs, const Tensor& d_h_n, const Tensor& d_c_n, const Tensor& W_hh, const Tensor& gain_z,
    const Tensor& gain_c, const Maybe& shift_c, const Tensor& c_0, const Tensor& cs, const Tensor& zs,
    const Tensor& gates, at::IntArrayRef sizes, bool reverse) {
  Tensor d_h = d_h_n.clone(at::MemoryFormat::Contiguous), d_c = d_c_n.clone(at::MemoryFormat::Contiguous);
  Tensor d_shares = at::empty_like(gates), d_zs = at::empty_like(gates), d_ns = at::empty_like(cs);
  AT_DISPATCH_FLOATING_TYPES(gates.scalar_type(), "normed_scan_back", [&] {
    const auto hears = norm<scalar_t>(gain_z, std::nullopt), says = norm<scalar_t>(gain_c, shift_c);
    each_part(sizes, W_hh, [&](int64_t begin, int64_t end) {
      normed_backward_of<scalar_t>(d_hs, W_hh, hears, says, gates, zs, cs, c_0.slice(0, begin, end), d_shares, d_zs,
                                   d_ns, d_h.slice(0, begin, end), d_c.slice(0, begin, end),
                                   in_order(sizes, reverse, begin, end));
    });
  });
  return {d_shares, d_zs, d_ns, d_h, d_c};
}

}  // namespace
