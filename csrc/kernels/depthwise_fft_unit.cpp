// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/depthwise_fft_table.hpp"
#include "kernels/depthwise_fft_volumes.hpp"

namespace circulant::CIRCULANT_ISA {

template <class S>
constexpr DepthwiseFftTable<S> kDepthwiseFft = {kLanes<Arithmetic<S>>, kWidestRadix, filter_volumes<S>,
                                                correlate_volumes<S>};

constexpr Unit<DepthwiseFftTable> depthwise_fft_unit = {kDepthwiseFft<float>, kDepthwiseFft<double>,
                                                        kDepthwiseFft<Half>, kDepthwiseFft<BFloat16>};

}  // namespace circulant::CIRCULANT_ISA
