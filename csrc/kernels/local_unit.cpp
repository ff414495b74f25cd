// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/local_spread.hpp"
#include "kernels/local_table.hpp"

namespace circulant::CIRCULANT_ISA {

template <class S>
inline constexpr LocalTable<S> kLocal = {local_output_blocks<S>, local_input_gradient_blocks<S>,
                                         local_kernel_gradient_blocks<S>};

constexpr Unit<LocalTable> local_unit = {kLocal<float>, kLocal<double>, kLocal<Half>, kLocal<BFloat16>};

}  // namespace circulant::CIRCULANT_ISA
