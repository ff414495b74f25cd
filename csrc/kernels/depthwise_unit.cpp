// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/depthwise_correlate.hpp"
#include "kernels/depthwise_table.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<DepthwiseTable> depthwise_unit = {
    {kLanes<float>, kHasMaskedLoads, gather_blocks<float>, correlate_channels<float>},
    {kLanes<double>, kHasMaskedLoads, gather_blocks<double>, correlate_channels<double>},
    {kLanes<float>, kHasMaskedLoads, gather_blocks<Half>, correlate_channels<Half>},
    {kLanes<float>, kHasMaskedLoads, gather_blocks<BFloat16>, correlate_channels<BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
