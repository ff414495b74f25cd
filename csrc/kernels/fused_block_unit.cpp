// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/fused_block_table.hpp"
#include "kernels/fused_block_tiles.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<FusedBlockTable> fused_block_unit = {
    {widen_weights<float>, run_tiles_of_block<float>},
    {widen_weights<double>, run_tiles_of_block<double>},
    {widen_weights<Half>, run_tiles_of_block<Half>},
    {widen_weights<BFloat16>, run_tiles_of_block<BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
