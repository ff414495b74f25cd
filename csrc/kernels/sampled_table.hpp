// What the sampled convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/sampled_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
using SampledPass = void (*)(const SampledJob<S>&, std::size_t first, std::size_t last,
                             Arithmetic<S>* memory, int* pixels);

// By the number of axes, less one.
template <class S>
struct SampledTable {
    SampledPass<S> sums[3], gradients[3];
};

CIRCULANT_UNIT(Unit<SampledTable>, sampled_unit)

}  // namespace circulant
