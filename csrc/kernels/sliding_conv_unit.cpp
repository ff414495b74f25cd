// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/sliding_conv_table.hpp"
#include "kernels/sliding_conv_tiles.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<SlidingConvTable> sliding_conv_unit = {
    {run_tiles<float>},
    {run_tiles<double>},
    {run_tiles<Half>},
    {run_tiles<BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
