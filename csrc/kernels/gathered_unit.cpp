// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/gathered_products.hpp"
#include "kernels/gathered_table.hpp"

namespace circulant::CIRCULANT_ISA {

template <class S>
inline constexpr GatheredTable<S> kGatheredTable = {
    {gathered_rows_output<S>, gathered_rows_input_gradient<S>, gathered_rows_kernel_gradient<S>},
    {gathered_products_output<S>, gathered_products_input_gradient<S>, gathered_products_kernel_gradient<S>}};

constexpr Unit<GatheredTable> gathered_unit = {kGatheredTable<float>, kGatheredTable<double>,
                                               kGatheredTable<Half>, kGatheredTable<BFloat16>};

}  // namespace circulant::CIRCULANT_ISA
