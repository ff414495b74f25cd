// What the fused block takes from the units compiled per instruction set.
#pragma once

#include "kernels/fused_block_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct FusedBlockTable {
    void (*widen)(const S* from, std::size_t count, Arithmetic<S>* to);
    void (*run_tiles)(const FusedBlockJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<FusedBlockTable>, fused_block_unit)

}  // namespace circulant
