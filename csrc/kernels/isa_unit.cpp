// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/depthwise_planes.hpp"
#include "kernels/kernel_set.hpp"
#include "kernels/long_conv_rows.hpp"

namespace circulant::CIRCULANT_ISA {

extern const KernelSet kernel_set;

constexpr KernelSet kernel_set = {
    {kLanes<float>, filter_rows<float>, correlate_channels<float>, gather_planes<float>,
     correlate_planes<float>},
    {kLanes<double>, filter_rows<double>, correlate_channels<double>, gather_planes<double>,
     correlate_planes<double>},
};

}  // namespace circulant::CIRCULANT_ISA
