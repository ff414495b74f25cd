// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/winograd_table.hpp"
#include "kernels/winograd_tiles.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<WinogradTable> winograd_unit = {
    {transform_filters<float>, run_winograd_tiles<float>},
    {transform_filters<double>, run_winograd_tiles<double>},
    {transform_filters<Half>, run_winograd_tiles<Half>},
    {transform_filters<BFloat16>, run_winograd_tiles<BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
