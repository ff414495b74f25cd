// What the gathered convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/gathered_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
using GatheredPass = void (*)(const GatheredJob<S>&, std::size_t first, std::size_t last,
                              Arithmetic<S>* memory, std::size_t* rows);

template <class S>
struct GatheredPasses {
    GatheredPass<S> output, input_gradient, kernel_gradient;
};

template <class S>
struct GatheredTable {
    GatheredPasses<S> rows, products;  // each channel by itself, or all of a group
};

CIRCULANT_UNIT(Unit<GatheredTable>, gathered_unit)

}  // namespace circulant
