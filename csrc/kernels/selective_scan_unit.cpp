// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/selective_scan_gradients.hpp"
#include "kernels/selective_scan_states.hpp"
#include "kernels/selective_scan_table.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<SelectiveTable> selective_scan_unit = {
    {kLanes<float>, scan_blocks<float>, pull_back_shares<float>},
    {kLanes<double>, scan_blocks<double>, pull_back_shares<double>},
    {kLanes<float>, scan_blocks<Half>, pull_back_shares<Half>},
    {kLanes<float>, scan_blocks<BFloat16>, pull_back_shares<BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
