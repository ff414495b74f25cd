// What one call of the fused block tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "core/storage.hpp"
#include "kernels/fused_block.hpp"
#include "kernels/strip.hpp"

namespace circulant {

template <class S>
struct FusedBlockJob {
    FusedBlockSizes sizes;
    std::size_t row_tiles, column_tiles;
    Strip strip;
    std::size_t strip_scalars;      // of one channel
    std::size_t position_scalars;   // from one channel to the next in a tile of h or y
    const std::size_t* taps;        // offsets in the strip
    FusedBlockWeights<Arithmetic<S>> weights;
    const S* x;
    S* y;
};

}  // namespace circulant
