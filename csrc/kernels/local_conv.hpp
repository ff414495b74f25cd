// Local convolution over three axes, every place with a kernel of its own, and its two gradients.
//
//     y[b, c, p] = sum_m w[b, g(c), m, p] x[b, c, stride p + dilation m - before]
//
// with x zero outside. x (batch, channels, depth, rows, columns), w (batch, groups, taps, *out) and
// y (batch, channels, *out) are contiguous; g(c) = c / (channels / groups). Results are written in
// full; no window is ever laid out, and a thread's scratch memory does not grow with the images.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"
#include "kernels/local_job.hpp"

namespace circulant {

struct LocalConvSizes {
    std::size_t batch, channels, groups;
    LocalAxis depth, rows, columns;
    LocalBlock block;
};

template <class S>
void local_output(const LocalConvSizes& sizes, const S* x, const S* weight, S* y, Execution execution);

template <class S>
void local_input_gradient(const LocalConvSizes& sizes, const S* g, const S* weight, S* gx,
                          Execution execution);

template <class S>
void local_kernel_gradient(const LocalConvSizes& sizes, const S* x, const S* g, S* gw, Execution execution);

// Numbers that each thread holds besides operands and result.
std::size_t local_output_scratch(const LocalConvSizes& sizes);
std::size_t local_input_gradient_scratch(const LocalConvSizes& sizes);
std::size_t local_kernel_gradient_scratch(const LocalConvSizes& sizes);

}  // namespace circulant
