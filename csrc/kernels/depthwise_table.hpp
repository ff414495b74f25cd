// What the depthwise convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/depthwise_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct DepthwiseTable {
    std::size_t lanes;
    void (*gather_planes)(const GatherJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* workspace);
    void (*correlate_planes)(const PlaneCorrelationJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<DepthwiseTable>, depthwise_unit)

}  // namespace circulant
