// Python's view of the gathered convolution.
#include "kernels/gathered_conv.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

namespace {

// Two operands of numbers, one of indices, and the result.
template <class Run>
void bind_gathered(nb::module_& m, const char* name, Run run) {
    m.def(
        name,
        [run](const GatheredConvSizes& sizes, Scalar scalar, std::uintptr_t first, std::uintptr_t second,
              std::uintptr_t index, std::uintptr_t result, std::size_t threads, Isa isa) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                run.template operator()<S>(sizes, pointer<const S>(first), pointer<const S>(second),
                                           pointer<const std::int64_t>(index), pointer<S>(result),
                                           Execution{threads, isa});
            });
        },
        nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a, "first"_a, "second"_a, "index"_a,
        "result"_a, "threads"_a, "isa"_a);
}

}  // namespace

void bind_gathered_conv(nb::module_& m) {
    nb::class_<GatheredConvSizes>(m, "GatheredConvSizes")
        .def(
            "__init__",
            [](GatheredConvSizes* self, std::size_t batch, std::size_t in_channels, std::size_t out_channels,
               std::size_t groups, std::size_t places, std::size_t outputs, std::size_t taps,
               std::size_t block) {
                new (self)
                    GatheredConvSizes{batch, in_channels, out_channels, groups, places, outputs, taps, block};
            },
            "batch"_a, "in_channels"_a, "out_channels"_a, "groups"_a, "places"_a, "outputs"_a, "taps"_a,
            "block"_a);
    m.def("gathered_output_scratch", &gathered_output_scratch, "sizes"_a, "itemsize"_a,
          "Bytes that each thread holds.");
    m.def("gathered_input_gradient_scratch", &gathered_input_gradient_scratch, "sizes"_a, "itemsize"_a);
    m.def("gathered_kernel_gradient_scratch", &gathered_kernel_gradient_scratch, "sizes"_a, "itemsize"_a);
    bind_gathered(m, "gathered_output", []<class S>(const auto&... call) { gathered_output<S>(call...); });
    bind_gathered(m, "gathered_input_gradient",
                  []<class S>(const auto&... call) { gathered_input_gradient<S>(call...); });
    bind_gathered(m, "gathered_kernel_gradient",
                  []<class S>(const auto&... call) { gathered_kernel_gradient<S>(call...); });
}

}  // namespace circulant::bindings
