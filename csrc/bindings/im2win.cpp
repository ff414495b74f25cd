// Python's view of the im2win convolution.
#include "kernels/im2win.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

void bind_im2win(nb::module_& m) {
    bind_kernel<WindowConvSizes>(m, "im2win_conv",
                                 []<class S>(const auto&... call) { im2win_conv<S>(call...); });
    bind_workspace<WindowConvSizes>(
        m, "im2win_workspace", []<class S>(const WindowConvSizes& sizes) { return im2win_workspace<S>(sizes); });
    bind_workspace<WindowConvSizes>(
        m, "im2win_filters", []<class S>(const WindowConvSizes& sizes) { return im2win_filters<S>(sizes); });
}

}  // namespace circulant::bindings
