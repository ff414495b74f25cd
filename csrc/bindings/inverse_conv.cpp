// Python's view of the inverse convolution.
#include "kernels/inverse_conv.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

void bind_inverse_conv(nb::module_& m) {
    nb::class_<InverseConvAxis>(m, "InverseConvAxis")
        .def(
            "__init__",
            [](InverseConvAxis* self, std::size_t size, std::size_t taps) {
                new (self) InverseConvAxis{size, taps};
            },
            "size"_a, "taps"_a);
    nb::class_<InverseConvSizes>(m, "InverseConvSizes")
        .def(
            "__init__",
            [](InverseConvSizes* self, std::size_t batch, std::size_t channels, const InverseConvAxis& depth,
               const InverseConvAxis& height, const InverseConvAxis& width, bool adjoint, std::size_t images) {
                new (self) InverseConvSizes{batch, channels, depth, height, width, adjoint, images};
            },
            "batch"_a, "channels"_a, "depth"_a, "height"_a, "width"_a, "adjoint"_a, "images"_a);
    bind_kernel<InverseConvSizes>(m, "inverse_conv",
                                  []<class S>(const auto&... call) { inverse_conv<S>(call...); });
}

}  // namespace circulant::bindings
