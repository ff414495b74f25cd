// What one call of the sliding-window convolution tells the units compiled per instruction set.
#pragma once

#include <cstddef>

#include "kernels/strip.hpp"
#include "kernels/window.hpp"

namespace circulant {

template <class S>
struct SlidingConvJob {
    std::size_t groups, in_channels, out_channels;  // channels of one group
    WindowAxis rows, columns;
    std::size_t tile_rows, tile_columns, row_tiles, column_tiles;
    bool copies;  // windows slide over a strip; else over x itself
    Strip strip;
    std::size_t channel_scalars;  // from one channel to the next, in the strip or in x
    std::size_t row_scalars;      // from one row to the next
    const std::size_t* taps;      // offsets of the taps of one channel
    std::size_t tap_count;
    std::size_t weight_scalars;   // widened weights of a group in the workspace; 0 where stored as computed
    const S* x;
    const S* weight;
    S* y;
};

}  // namespace circulant
