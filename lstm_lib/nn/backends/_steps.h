// What the steps of all cells need: the order of the rows, threads, and the functions of the gates.

#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/cpu/vec/functional.h>
#include <ATen/cpu/vec/vec.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <vector>

namespace {

using at::Tensor;
using at::vec::map;
using at::vec::Vectorized;
using Maybe = std::optional<Tensor>;

constexpr int64_t GRAIN = 4096;  // units that a thread takes at least: fewer cost less than to wake another thread
constexpr int64_t ROWS = 4;      // sequences that there are at least for each thread that takes some
constexpr int64_t MANY = 16;     // steps, and sequences, from which on it pays to lay weights out anew
constexpr size_t NEAR = 1 << 20; // bytes of weights that each thread can keep close by for itself

struct Step {
  int64_t first, b;  // its first row, and how many it has
};

// The steps of the sequences from begin to end, those without a row of theirs left out.
std::vector<Step> in_order(at::IntArrayRef sizes, bool reverse, int64_t begin, int64_t end) {
  std::vector<Step> steps;
  int64_t first = 0;
  for (int64_t b : sizes) {
    if (b > begin) steps.push_back({first + begin, std::min(b, end) - begin});
    first += b;
  }
  if (reverse) std::reverse(steps.begin(), steps.end());
  return steps;
}

// W^T. In memory of its own each product with it is faster: 12 us instead of 18 (16 sequences of 128 units).
Tensor transposed(const Tensor& W, at::IntArrayRef sizes) {
  const bool pays = static_cast<int64_t>(sizes.size()) >= MANY && sizes[0] >= MANY && W.nbytes() <= NEAR;
  return pays ? W.t().contiguous() : W.t();
}

// Sequences do not wait for each other: every thread takes some through all steps, where there are enough and W_hh is
// not large. Else all threads share each step, as they do where somebody watches (a dispatch mode sees one thread only).
// Where lengths differ, each thread takes about as many rows.
std::vector<int64_t> bounds_of(at::IntArrayRef sizes, const Tensor& W) {
  const bool alone = W.nbytes() > NEAR || c10::impl::TorchDispatchModeTLS::any_modes_set();
  const int64_t B = sizes[0], parts = alone ? 1 : std::min<int64_t>(at::get_num_threads(), B / ROWS);
  int64_t all = 0, before = 0;
  for (int64_t b : sizes) all += b;
  std::vector<int64_t> bounds{0};
  size_t length = sizes.size();
  for (int64_t r = 0; r < B; ++r) {
    while (sizes[length - 1] <= r) --length;
    if (before * parts >= all * static_cast<int64_t>(bounds.size()) && r > bounds.back()) bounds.push_back(r);
    before += length;
  }
  bounds.push_back(B);
  return bounds;
}

template <typename F>
void each_part(at::IntArrayRef sizes, const Tensor& W, const F& f) {
  const auto bounds = bounds_of(sizes, W);
  at::parallel_for(0, static_cast<int64_t>(bounds.size()) - 1, 1, [&](int64_t from, int64_t to) {
    at::AutoDispatchBelowADInplaceOrView guard;  // nobody differentiates this: see fused.py
    for (int64_t k = from; k < to; ++k) f(bounds[k], bounds[k + 1]);
  });
}

template <typename F>
void each_row(int64_t b, int64_t H, const F& f) {
  at::parallel_for(0, b, std::max<int64_t>(1, GRAIN / H), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

template <typename T>
void sigmoid_(T* a, int64_t n) {
  map<T>([](Vectorized<T> x) { return (Vectorized<T>(1) + x.neg().exp()).reciprocal(); }, a, a, n);
}

template <typename T>
void tanh_to(T* to, const T* from, int64_t n) {
  map<T>([](Vectorized<T> x) { return x.tanh(); }, to, from, n);
}

template <typename T>
const T* pointer(const Maybe& x) {
  return x ? x->const_data_ptr<T>() : nullptr;
}

}  // namespace
