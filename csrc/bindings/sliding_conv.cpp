// Python's view of the sliding-window convolution.
#include "kernels/sliding_conv.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

void bind_sliding_conv(nb::module_& m) {
    bind_kernel<WindowConvSizes>(m, "sliding_conv",
                                 []<class S>(const auto&... call) { sliding_conv<S>(call...); });
    bind_workspace<WindowConvSizes>(m, "sliding_conv_workspace", []<class S>(const WindowConvSizes& sizes) {
        return sliding_conv_workspace<S>(sizes);
    });
}

}  // namespace circulant::bindings
