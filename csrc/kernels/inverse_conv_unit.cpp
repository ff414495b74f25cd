// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/inverse_conv_fronts.hpp"
#include "kernels/inverse_conv_table.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<InverseConvTable> inverse_conv_unit = {
    {kLanes<float>, pack_weights<float>, solve_images<float>},
    {kLanes<double>, pack_weights<double>, solve_images<double>},
    {kLanes<float>, pack_weights<Half>, solve_images<Half>},
    {kLanes<float>, pack_weights<BFloat16>, solve_images<BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
