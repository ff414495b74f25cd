// What one call of the sliding-window pooling tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "kernels/strip.hpp"
#include "kernels/window.hpp"

namespace circulant {

template <class S>
struct SlidingPoolJob {
    WindowAxis rows, columns;
    std::size_t tile_rows, tile_columns, row_tiles, column_tiles;
    Strip strip;
    std::size_t strip_scalars;  // of the largest tile
    const S* x;
    S* y;
};

}  // namespace circulant
