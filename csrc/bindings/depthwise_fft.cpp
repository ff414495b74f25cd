// Python's view of the depthwise convolution by FFT.
#include "bindings/binding.hpp"
#include "kernels/depthwise_fft.hpp"

namespace circulant::bindings {

namespace {

// run.operator()<S>(plan, first, second, result, threads)
template <class Run>
void bind_planned(nb::module_& m, const char* name, Run run) {
    m.def(
        name,
        [run](const DepthwiseFftPlan& plan, Scalar scalar, Address first, Address second, Address result,
              std::size_t threads) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                run.template operator()<S>(plan, pointer<const S>(first), pointer<const S>(second),
                                           pointer<S>(result), threads);
            });
        },
        nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace

void bind_depthwise_fft(nb::module_& m) {
    nb::class_<DepthwiseFftPlan>(m, "DepthwiseFftPlan")
        .def(nb::init<const DepthwiseSizes&, bool, Isa>(), nb::call_guard<nb::gil_scoped_release>(),
             "sizes"_a, "is_double"_a, "isa"_a)
        .def_prop_ro("samples", &DepthwiseFftPlan::samples)
        .def("workspace_bytes", &DepthwiseFftPlan::workspace_bytes, "threads"_a, "slot"_a);
    bind_planned(m, "depthwise_fft_output",
                 []<class S>(const auto&... call) { depthwise_fft_output<S>(call...); });
    bind_planned(m, "depthwise_fft_input_gradient",
                 []<class S>(const auto&... call) { depthwise_fft_input_gradient<S>(call...); });
    bind_planned(m, "depthwise_fft_kernel_gradient",
                 []<class S>(const auto&... call) { depthwise_fft_kernel_gradient<S>(call...); });
}

}  // namespace circulant::bindings
