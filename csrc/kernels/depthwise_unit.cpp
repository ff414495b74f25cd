// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/depthwise_planes.hpp"
#include "kernels/depthwise_table.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<DepthwiseTable> depthwise_unit = {
    {kLanes<float>, gather_planes<float>, correlate_planes<float>},
    {kLanes<double>, gather_planes<double>, correlate_planes<double>},
    {kLanes<float>, gather_planes<Half>, correlate_planes<Half>},
    {kLanes<float>, gather_planes<BFloat16>, correlate_planes<BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
