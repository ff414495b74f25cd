// Python's view of the long convolution.
#include "bindings/binding.hpp"
#include "kernels/long_conv.hpp"

namespace circulant::bindings {

void bind_long_conv(nb::module_& m) {
    nb::class_<LongConvSizes>(m, "LongConvSizes")
        .def(
            "__init__",
            [](LongConvSizes* self, std::size_t batch, std::size_t channels, std::size_t length,
               std::size_t taps, std::size_t shift, bool circular) {
                new (self) LongConvSizes{batch, channels, length, taps, shift, circular};
            },
            "batch"_a, "channels"_a, "length"_a, "taps"_a, "shift"_a, "circular"_a);
    bind_kernel<LongConvSizes>(m, "long_conv_output",
                            []<class S>(const auto&... call) { long_conv_output<S>(call...); });
    bind_kernel<LongConvSizes>(m, "long_conv_input_gradient",
                            []<class S>(const auto&... call) { long_conv_input_gradient<S>(call...); });
    bind_kernel<LongConvSizes>(m, "long_conv_kernel_gradient",
                            []<class S>(const auto&... call) { long_conv_kernel_gradient<S>(call...); });
}

}  // namespace circulant::bindings
