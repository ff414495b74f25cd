// What the local convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/local_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
using LocalBlocks = void (*)(const LocalJob<S>&, std::size_t first, std::size_t last,
                             Arithmetic<S>* memory, std::size_t* offsets);

template <class S>
struct LocalTable {
    LocalBlocks<S> output, input_gradient, kernel_gradient;
};

CIRCULANT_UNIT(Unit<LocalTable>, local_unit)

}  // namespace circulant
