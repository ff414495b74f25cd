// Python's view of the local convolution.
#include "kernels/local_conv.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

void bind_local_conv(nb::module_& m) {
    nb::class_<LocalAxis>(m, "LocalAxis")
        .def(
            "__init__",
            [](LocalAxis* self, std::size_t size, std::size_t out_size, std::size_t taps, std::size_t stride,
               std::size_t dilation, std::size_t before) {
                new (self) LocalAxis{size, out_size, taps, stride, dilation, before};
            },
            "size"_a, "out_size"_a, "taps"_a, "stride"_a, "dilation"_a, "before"_a);
    nb::class_<LocalBlock>(m, "LocalBlock")
        .def(
            "__init__",
            [](LocalBlock* self, std::size_t channels, std::size_t rows, std::size_t columns) {
                new (self) LocalBlock{channels, rows, columns};
            },
            "channels"_a, "rows"_a, "columns"_a);
    nb::class_<LocalConvSizes>(m, "LocalConvSizes")
        .def(
            "__init__",
            [](LocalConvSizes* self, std::size_t batch, std::size_t channels, std::size_t groups,
               const LocalAxis& depth, const LocalAxis& rows, const LocalAxis& columns,
               const LocalBlock& block) {
                new (self) LocalConvSizes{batch, channels, groups, depth, rows, columns, block};
            },
            "batch"_a, "channels"_a, "groups"_a, "depth"_a, "rows"_a, "columns"_a, "block"_a);
    m.def("local_output_scratch", &local_output_scratch, "sizes"_a, "Numbers that each thread holds.");
    m.def("local_input_gradient_scratch", &local_input_gradient_scratch, "sizes"_a);
    m.def("local_kernel_gradient_scratch", &local_kernel_gradient_scratch, "sizes"_a);
    bind_kernel<LocalConvSizes>(m, "local_output",
                                []<class S>(const auto&... call) { local_output<S>(call...); });
    bind_kernel<LocalConvSizes>(m, "local_input_gradient",
                                []<class S>(const auto&... call) { local_input_gradient<S>(call...); });
    bind_kernel<LocalConvSizes>(m, "local_kernel_gradient",
                                []<class S>(const auto&... call) { local_kernel_gradient<S>(call...); });
}

}  // namespace circulant::bindings
