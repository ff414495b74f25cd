// What the sliding-window pooling takes from the units compiled per instruction set.
#pragma once

#include "kernels/sliding_pool_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct SlidingPoolTable {
    void (*pool_max)(const SlidingPoolJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* workspace);
    void (*pool_average)(const SlidingPoolJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<SlidingPoolTable>, sliding_pool_unit)

}  // namespace circulant
