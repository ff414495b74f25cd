// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/im2win_table.hpp"
#include "kernels/im2win_tiles.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<Im2winTable> im2win_unit = {
    {lay_out_filters<float>, run_window_tiles<float>},
    {lay_out_filters<double>, run_window_tiles<double>},
    {lay_out_filters<Half>, run_window_tiles<Half>},
    {lay_out_filters<BFloat16>, run_window_tiles<BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
