// Python's view of Winograd's convolution.
#include "kernels/winograd.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

void bind_winograd(nb::module_& m) {
    nb::class_<WinogradSizes>(m, "WinogradSizes")
        .def(
            "__init__",
            [](WinogradSizes* self, const WindowConvSizes& conv, std::size_t patch) {
                new (self) WinogradSizes{conv, patch};
            },
            "conv"_a, "patch"_a);
    bind_kernel<WinogradSizes>(m, "winograd_conv",
                               []<class S>(const auto&... call) { winograd_conv<S>(call...); });
    bind_workspace<WinogradSizes>(
        m, "winograd_workspace", []<class S>(const WinogradSizes& sizes) { return winograd_workspace<S>(sizes); });
    bind_workspace<WinogradSizes>(
        m, "winograd_filters", []<class S>(const WinogradSizes& sizes) { return winograd_filters<S>(sizes); });
}

}  // namespace circulant::bindings
