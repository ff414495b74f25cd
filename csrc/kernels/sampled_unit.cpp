// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/sampled_gradients.hpp"
#include "kernels/sampled_table.hpp"

namespace circulant::CIRCULANT_ISA {

template <class S>
inline constexpr SampledTable<S> kSampled = {
    {sample_planes<1, S>, sample_planes<2, S>, sample_planes<3, S>},
    {sampled_gradients<1, S>, sampled_gradients<2, S>, sampled_gradients<3, S>}};

constexpr Unit<SampledTable> sampled_unit = {kSampled<float>, kSampled<double>, kSampled<Half>,
                                             kSampled<BFloat16>};

}  // namespace circulant::CIRCULANT_ISA
