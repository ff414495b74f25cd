// Gathered convolution: each result sums over a list of neighbours; and its two gradients.
//
//     y[b, o, p] = sum over m and the channels i of o's group of w[o, i, m] x[b, i, index[p, m]]
//
// where index -1 adds nothing. x (batch, in_channels, places), w (out_channels, in_channels / groups,
// taps), index (outputs, taps) and y (batch, out_channels, outputs) are contiguous; results are written in
// full. Every index is at least -1 and less than places.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/execution.hpp"

namespace circulant {

struct GatheredConvSizes {
    std::size_t batch, in_channels, out_channels, groups, places, outputs, taps;
    std::size_t block;  // result channels of a group that are computed together

    bool is_depthwise() const { return groups == in_channels && groups == out_channels; }
};

template <class S>
void gathered_output(const GatheredConvSizes& sizes, const S* x, const S* weight, const std::int64_t* index,
                     S* y, Execution execution);

template <class S>
void gathered_input_gradient(const GatheredConvSizes& sizes, const S* g, const S* weight,
                             const std::int64_t* index, S* gx, Execution execution);

// Blocks are those of the output.
template <class S>
void gathered_kernel_gradient(const GatheredConvSizes& sizes, const S* x, const S* g,
                              const std::int64_t* index, S* gw, Execution execution);

// Bytes that each thread holds besides operands and result, for arithmetic in numbers of `itemsize`.
std::size_t gathered_output_scratch(const GatheredConvSizes& sizes, std::size_t itemsize);
std::size_t gathered_input_gradient_scratch(const GatheredConvSizes& sizes, std::size_t itemsize);
std::size_t gathered_kernel_gradient_scratch(const GatheredConvSizes& sizes, std::size_t itemsize);

}  // namespace circulant
