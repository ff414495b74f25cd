// What one call of the im2win convolution tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "core/storage.hpp"
#include "kernels/window.hpp"

namespace circulant {

template <class S>
struct Im2winJob {
    std::size_t groups, in_channels, out_channels;  // channels of one group
    WindowAxis rows, columns;
    std::size_t tile_rows, tile_columns, row_tiles, column_tiles;
    std::size_t window_scalars;   // of one channel and one output row
    std::size_t windows_scalars;  // of a whole tile
    std::size_t filter_scalars;   // of one group
    const S* x;
    const S* weight;
    Arithmetic<S>* filters;  // groups times (block of channels, in_channels, columns, rows, channel)
    S* y;
};

}  // namespace circulant
