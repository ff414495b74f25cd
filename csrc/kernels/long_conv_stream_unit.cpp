// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/long_conv_stream_far.hpp"
#include "kernels/long_conv_stream_near.hpp"
#include "kernels/long_conv_stream_table.hpp"

namespace circulant::CIRCULANT_ISA {

template <class S, class T = Arithmetic<S>>
constexpr LongConvStreamTable<S> kLongConvStream = {
    kLanes<T>, kWidestRadix, kNearTile, take_token<S>, add_near<T>, turn_in<T>, turn_out<T>, run_steps<T>,
    transform_taps<T>};

constexpr Unit<LongConvStreamTable> long_conv_stream_unit = {kLongConvStream<float>, kLongConvStream<double>,
                                                             kLongConvStream<Half>, kLongConvStream<BFloat16>};

}  // namespace circulant::CIRCULANT_ISA
