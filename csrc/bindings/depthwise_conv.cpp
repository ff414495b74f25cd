// Python's view of the depthwise convolution.
#include "bindings/binding.hpp"
#include "kernels/depthwise_conv.hpp"

namespace circulant::bindings {

namespace {

void bind_sizes(nb::module_& m) {
    nb::class_<DepthwiseAxis>(m, "DepthwiseAxis")
        .def(
            "__init__",
            [](DepthwiseAxis* self, std::size_t size, std::size_t out_size, std::size_t taps,
               std::size_t stride, std::size_t dilation, std::size_t before) {
                new (self) DepthwiseAxis{size, out_size, taps, stride, dilation, before};
            },
            "size"_a, "out_size"_a, "taps"_a, "stride"_a, "dilation"_a, "before"_a);
    nb::class_<DepthwiseSizes>(m, "DepthwiseSizes")
        .def(
            "__init__",
            [](DepthwiseSizes* self, std::size_t batch, std::size_t channels, std::size_t multiplier,
               const DepthwiseAxis& depth, const DepthwiseAxis& rows, const DepthwiseAxis& columns) {
                new (self) DepthwiseSizes{batch, channels, multiplier, depth, rows, columns};
            },
            "batch"_a, "channels"_a, "multiplier"_a, "depth"_a, "rows"_a, "columns"_a);
}

void bind_workspace(nb::module_& m) {
    nb::enum_<DepthwiseSlot>(m, "DepthwiseSlot")
        .value("OUTPUT", DepthwiseSlot::output)
        .value("INPUT", DepthwiseSlot::input)
        .value("KERNEL", DepthwiseSlot::kernel);
    m.def(
        "depthwise_workspace",
        [](const DepthwiseSizes& sizes, Scalar scalar, DepthwiseSlot slot, Isa isa) {
            std::size_t bytes = 0;
            dispatch(scalar, [&]<class S>() { bytes = depthwise_workspace<S>(sizes, slot, isa); });
            return bytes;
        },
        "sizes"_a, "scalar"_a, "slot"_a, "isa"_a, "Bytes that each thread allocates.");
}

}  // namespace

void bind_depthwise_conv(nb::module_& m) {
    bind_sizes(m);
    bind_workspace(m);
    bind_kernel<DepthwiseSizes>(m, "depthwise_output",
                            []<class S>(const auto&... call) { depthwise_output<S>(call...); });
    bind_kernel<DepthwiseSizes>(m, "depthwise_input_gradient",
                            []<class S>(const auto&... call) { depthwise_input_gradient<S>(call...); });
    bind_kernel<DepthwiseSizes>(m, "depthwise_kernel_gradient",
                            []<class S>(const auto&... call) { depthwise_kernel_gradient<S>(call...); });
}

}  // namespace circulant::bindings
