// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/long_conv_rows.hpp"
#include "kernels/long_conv_table.hpp"

namespace circulant::CIRCULANT_ISA {

template <class S>
constexpr LongConvTable<S> kLongConv = {kLanes<Arithmetic<S>>, kWidestRadix, filter_pieces<S>,
                                        transform_kernels<S>,
                                        gradients_of_channels<S>};

constexpr Unit<LongConvTable> long_conv_unit = {kLongConv<float>, kLongConv<double>, kLongConv<Half>,
                                                kLongConv<BFloat16>};

}  // namespace circulant::CIRCULANT_ISA
