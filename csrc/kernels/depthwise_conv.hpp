// Depthwise 2-D convolution (cross-correlation), and its two gradients, directly.
//
//     y[b, o, i, j] = sum_{u, v} w[o, u, v] x[b, o / multiplier, i stride + u dilation - before, ...]
//
// with x zero outside its plane. x (batch, channels, height, width), w (channels multiplier, taps)
// and y (batch, channels multiplier, out_height, out_width) are contiguous; results are written in
// full. Zeros behind x follow from the output's size.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"

namespace circulant {

struct DepthwiseAxis {
    std::size_t size, out_size, taps, stride, dilation, before;
};

struct DepthwiseSizes {
    std::size_t batch, channels, multiplier;
    DepthwiseAxis rows, columns;
};

template <class S>
void depthwise_output(const DepthwiseSizes& sizes, const S* x, const S* weight, S* y, Execution execution);

template <class S>
void depthwise_input_gradient(const DepthwiseSizes& sizes, const S* g, const S* weight, S* gx,
                              Execution execution);

template <class S>
void depthwise_kernel_gradient(const DepthwiseSizes& sizes, const S* x, const S* g, S* gw,
                               Execution execution);

}  // namespace circulant
