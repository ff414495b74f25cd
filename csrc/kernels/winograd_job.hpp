// What one call of Winograd's convolution tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "core/storage.hpp"
#include "kernels/strip.hpp"

namespace circulant {

template <class S>
struct WinogradJob {
    std::size_t in_channels, out_channels, patch;
    std::size_t out_height, out_width;
    std::size_t tile_rows, tile_columns, row_tiles, column_tiles;  // a tile is so many patches
    Strip strip;                                                   // of one channel
    std::size_t strip_scalars;
    std::size_t position_scalars;  // from one channel to the next in what is transformed
    const S* x;
    const S* weight;
    Arithmetic<S>* filters;  // (out_channels, frequencies, in_channels)
    S* y;
};

// Output channels that are multiplied, and transformed back, together.
inline constexpr std::size_t kWinogradRows = 6;

}  // namespace circulant
