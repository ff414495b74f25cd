// Depthwise convolution (cross-correlation) over one to three axes, and its two gradients, directly.
//
//     y[b, o, i, ...] = sum_{t, ...} w[o, t, ...] x[b, o / multiplier, i stride + t dilation - before, ...]
//
// with x zero outside its volume. x (batch, channels, depth, height, width), w (channels multiplier,
// taps) and y (batch, channels multiplier, out_depth, out_height, out_width) are contiguous; results
// are written in full. Zeros behind x follow from the output's size. An axis that is not there has one
// sample and one tap.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"

namespace circulant {

struct DepthwiseAxis {
    std::size_t size, out_size, taps, stride, dilation, before;
};

struct DepthwiseSizes {
    std::size_t batch, channels, multiplier;
    DepthwiseAxis depth, rows, columns;
};

enum class DepthwiseSlot { output, input, kernel };

// Bytes that each thread allocates to compute the output, the input's gradient or the kernel's.
template <class S>
std::size_t depthwise_workspace(const DepthwiseSizes& sizes, DepthwiseSlot slot, Isa isa);

template <class S>
void depthwise_output(const DepthwiseSizes& sizes, const S* x, const S* weight, S* y, Execution execution);

template <class S>
void depthwise_input_gradient(const DepthwiseSizes& sizes, const S* g, const S* weight, S* gx,
                              Execution execution);

template <class S>
void depthwise_kernel_gradient(const DepthwiseSizes& sizes, const S* x, const S* g, S* gw,
                               Execution execution);

}  // namespace circulant
