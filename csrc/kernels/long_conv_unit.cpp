// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/long_conv_rows.hpp"
#include "kernels/long_conv_table.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<LongConvTable> long_conv_unit = {
    {kLanes<float>, filter_rows<float>, correlate_channels<float>},
    {kLanes<double>, filter_rows<double>, correlate_channels<double>},
    {kLanes<float>, filter_rows<Half>, correlate_channels<Half>},
    {kLanes<float>, filter_rows<BFloat16>, correlate_channels<BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
