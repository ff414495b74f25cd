// A residual block of three convolutions in one pass.
//
//     h = conv * x + b_conv            grouped, taps x taps, zeros outside x
//     e = activation(expand h + b_expand)
//     y = x + project e + b_project
//
// A tile of h and of y, and the expanded values of a few positions at a time, live in scratch memory that
// fits the cache: what is between the layers is never written to a tensor. x and y (batch, channels,
// height, width), conv (channels, channels / groups, taps, taps), expand (expanded, channels) and project
// (channels, expanded) are contiguous; y is written in full. taps is odd.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"

namespace circulant {

enum class BlockActivation { relu = 0, relu6 = 1, silu = 2 };

struct FusedBlockSizes {
    std::size_t batch, channels, groups, expanded, height, width, taps;
    BlockActivation activation;
    std::size_t tile_rows, tile_columns;
};

template <class S>
struct FusedBlockWeights {
    const S *conv, *conv_bias, *expand, *expand_bias, *project, *project_bias;
};

template <class S>
void fused_block(const FusedBlockSizes& sizes, const S* x, const FusedBlockWeights<S>& weights, S* y,
                 Execution execution);

// Bytes of scratch memory that a call takes for each of its threads, and once for widened weights.
template <class S>
std::size_t fused_block_workspace(const FusedBlockSizes& sizes);

}  // namespace circulant
