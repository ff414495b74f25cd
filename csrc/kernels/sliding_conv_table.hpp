// What the sliding-window convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/sliding_conv_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct SlidingConvTable {
    void (*run_tiles)(const SlidingConvJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<SlidingConvTable>, sliding_conv_unit)

}  // namespace circulant
