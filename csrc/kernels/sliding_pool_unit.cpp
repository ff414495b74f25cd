// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/sliding_pool_table.hpp"
#include "kernels/sliding_pool_tiles.hpp"

namespace circulant::CIRCULANT_ISA {

constexpr Unit<SlidingPoolTable> sliding_pool_unit = {
    {pool_tiles<LargestValue, float>, pool_tiles<Average, float>},
    {pool_tiles<LargestValue, double>, pool_tiles<Average, double>},
    {pool_tiles<LargestValue, Half>, pool_tiles<Average, Half>},
    {pool_tiles<LargestValue, BFloat16>, pool_tiles<Average, BFloat16>},
};

}  // namespace circulant::CIRCULANT_ISA
