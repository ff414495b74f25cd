// Python's view of the long convolution.
#include "bindings/binding.hpp"
#include "kernels/long_conv.hpp"

namespace circulant::bindings {

namespace {

void bind_plan(nb::module_& m) {
    nb::class_<LongConvPlan>(m, "LongConvPlan")
        .def(
            "__init__",
            [](LongConvPlan* self, std::size_t batch, std::size_t channels, std::size_t length,
               std::size_t taps, std::size_t shift, bool circular, bool is_double, Isa isa,
               std::size_t block) {
                const LongConvSizes sizes = {batch, channels, length, taps, shift, circular};
                new (self) LongConvPlan(sizes, is_double, isa, block);
            },
            nb::call_guard<nb::gil_scoped_release>(), "batch"_a, "channels"_a, "length"_a, "taps"_a,
            "shift"_a, "circular"_a, "is_double"_a, "isa"_a, "block"_a = 0)
        .def_prop_ro("transform_size", &LongConvPlan::transform_size)
        .def_prop_ro("spectrum_scalars", &LongConvPlan::spectrum_scalars)
        .def("workspace_bytes", &LongConvPlan::workspace_bytes, "threads"_a, "buffers"_a);
}

void bind_output(nb::module_& m) {
    m.def(
        "long_conv_output",
        [](const LongConvPlan& plan, Scalar scalar, Address x, Address kernel, Address skip, Address gate_in,
           Address gate_out, Address spectra, Address y, std::size_t threads) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                LongConvOperands<S> operands{pointer<const S>(x), pointer<const S>(kernel),
                                             pointer<const S>(skip), pointer<const S>(gate_in),
                                             pointer<const S>(gate_out)};
                operands.spectra = pointer<const Arithmetic<S>>(spectra);
                long_conv_output<S>(plan, operands, pointer<S>(y), threads);
            });
        },
        nb::call_guard<nb::gil_scoped_release>());
}

void bind_spectra(nb::module_& m) {
    m.def(
        "long_conv_spectra",
        [](const LongConvPlan& plan, Scalar scalar, Address kernel, Address skip, Address spectra,
           std::size_t threads) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                long_conv_spectra<S>(plan, pointer<const S>(kernel), pointer<const S>(skip),
                                     pointer<Arithmetic<S>>(spectra), threads);
            });
        },
        nb::call_guard<nb::gil_scoped_release>());
}

void bind_gradients(nb::module_& m) {
    m.def(
        "long_conv_input_gradient",
        [](const LongConvPlan& plan, Scalar scalar, Address g, Address kernel, Address gx,
           std::size_t threads) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                long_conv_input_gradient<S>(plan, pointer<const S>(g), pointer<const S>(kernel),
                                            pointer<S>(gx), threads);
            });
        },
        nb::call_guard<nb::gil_scoped_release>());
    m.def(
        "long_conv_kernel_gradient",
        [](const LongConvPlan& plan, Scalar scalar, Address x, Address g, Address gk, std::size_t threads) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                long_conv_kernel_gradient<S>(plan, pointer<const S>(x), pointer<const S>(g), pointer<S>(gk),
                                             threads);
            });
        },
        nb::call_guard<nb::gil_scoped_release>());
    m.def(
        "long_conv_gradients",
        [](const LongConvPlan& plan, Scalar scalar, Address x, Address kernel, Address g, Address gx,
           Address gk, std::size_t threads) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                long_conv_gradients<S>(plan, pointer<const S>(x), pointer<const S>(kernel),
                                       pointer<const S>(g), pointer<S>(gx), pointer<S>(gk), threads);
            });
        },
        nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace

void bind_long_conv(nb::module_& m) {
    bind_plan(m);
    bind_output(m);
    bind_spectra(m);
    bind_gradients(m);
}

}  // namespace circulant::bindings
