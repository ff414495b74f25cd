// Sizes of a dense or grouped 1-D or 2-D convolution that is computed tile by tile.
#pragma once

#include <cstddef>

#include "kernels/window.hpp"

namespace circulant {

struct WindowConvSizes {
    std::size_t batch, groups, in_channels, out_channels;  // channels of one group
    WindowAxis rows, columns;
    std::size_t tile_rows, tile_columns;  // outputs computed together

    std::size_t taps() const { return rows.taps * columns.taps; }
    std::size_t tiles() const {
        return batch * groups * tile_count(rows.out_size, tile_rows) * tile_count(columns.out_size, tile_columns);
    }
};

// Throws ArgumentError unless every size is at least 1.
void require_window_conv(const WindowConvSizes& sizes);

}  // namespace circulant
