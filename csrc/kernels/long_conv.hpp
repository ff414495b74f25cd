// Long depthwise convolution of any length along one axis, and its two gradients, by FFT.
//
//     y[b, c, l] = sum_m k[c, m] x[b, c, l + shift - m]
//
// with x zero outside 0 .. length - 1, or indices modulo length when circular. x, y, g (batch,
// channels, length) and k (channels, taps) are contiguous; results are written in full.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"

namespace circulant {

struct LongConvSizes {
    std::size_t batch, channels, length, taps, shift;
    bool circular;
};

template <class S>
void long_conv_output(const LongConvSizes& sizes, const S* x, const S* kernel, S* y, Execution execution);

// gx[b, c, j] = sum_m k[c, m] g[b, c, j - shift + m]
template <class S>
void long_conv_input_gradient(const LongConvSizes& sizes, const S* g, const S* kernel, S* gx,
                              Execution execution);

// gk[c, m] = sum_{b, l} g[b, c, l] x[b, c, l + shift - m]
template <class S>
void long_conv_kernel_gradient(const LongConvSizes& sizes, const S* x, const S* g, S* gk,
                               Execution execution);

}  // namespace circulant
