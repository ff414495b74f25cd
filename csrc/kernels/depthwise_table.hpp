// What the depthwise convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/depthwise_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct DepthwiseTable {
    std::size_t lanes;
    bool has_masked_loads;
    void (*gather_blocks)(const GatherJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* memory);
    void (*correlate_channels)(const CorrelationJob<S>&, std::size_t first, std::size_t last,
                               Arithmetic<S>* memory);
};

CIRCULANT_UNIT(Unit<DepthwiseTable>, depthwise_unit)

}  // namespace circulant
