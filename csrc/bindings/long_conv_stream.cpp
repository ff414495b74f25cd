// Python's view of a stream.
#include <nanobind/stl/vector.h>

#include "bindings/binding.hpp"
#include "core/error.hpp"
#include "kernels/long_conv_stream.hpp"

namespace circulant::bindings {

namespace {

template <class T>
LongConvStream<T> prepared(std::size_t batch, std::size_t channels, std::size_t taps, Address kernel, Isa isa,
                           std::size_t threads) {
    return LongConvStream<T>(std::make_shared<const LongConvStreamKernel<T>>(
        LongConvStreamSizes{batch, channels, taps}, pointer<const T>(kernel), isa, threads));
}

// scalar: of operands and result; one that is computed in T.
template <class T>
void advance(LongConvStream<T>& stream, Scalar scalar, Address x, Address gate_in, Address gate_out, Address y,
             std::size_t tokens, std::size_t threads) {
    count_call();
    dispatch(scalar, [&]<class S>() {
        if constexpr (std::is_same_v<Arithmetic<S>, T>) {
            const TokenOperands<S> operands{pointer<const S>(x), pointer<const S>(gate_in),
                                            pointer<const S>(gate_out)};
            stream.advance(operands, pointer<S>(y), tokens, threads);
        } else {
            require(false, "expected operands of the stream's precision, got others; make a stream for them");
        }
    });
}

template <class T>
void bind_stream(nb::module_& m, const char* name) {
    using Stream = LongConvStream<T>;
    using NoGil = nb::call_guard<nb::gil_scoped_release>;
    nb::class_<Stream>(m, name)
        .def(
            "__init__",
            [](Stream* self, std::size_t batch, std::size_t channels, std::size_t taps, Address kernel, Isa isa,
               std::size_t threads) { new (self) Stream(prepared<T>(batch, channels, taps, kernel, isa, threads)); },
            NoGil(), "batch"_a, "channels"_a, "taps"_a, "kernel"_a, "isa"_a, "threads"_a)
        .def("copy", [](const Stream& self) { return new Stream(self); }, NoGil(), nb::rv_policy::take_ownership)
        .def("advance", &advance<T>, NoGil(), "scalar"_a, "x"_a, "gate_in"_a, "gate_out"_a, "y"_a, "tokens"_a,
             "threads"_a)
        .def("seen", &Stream::seen)
        .def("past", [](const Stream& self, Address z) { self.past(pointer<T>(z)); }, NoGil(), "z"_a)
        .def(
            "resume",
            [](Stream& self, Address z, std::size_t count, std::size_t threads) {
                self.resume(pointer<const T>(z), count, threads);
            },
            NoGil(), "z"_a, "count"_a, "threads"_a)
        .def_prop_ro("state_bytes", &Stream::bytes)
        .def_prop_ro("kernel_bytes", [](const Stream& self) { return self.kernel().bytes(); });
}

}  // namespace

void bind_long_conv_stream(nb::module_& m) {
    bind_stream<float>(m, "LongConvStreamFloat32");
    bind_stream<double>(m, "LongConvStreamFloat64");
    m.def(
        "long_conv_stream_work",
        [](std::size_t batch, std::size_t channels, std::size_t taps, Isa isa, std::size_t threads,
           std::size_t tokens) {
            return LongConvStreamPlan<float>({batch, channels, taps}, isa, threads).work_of_tokens(tokens);
        },
        "batch"_a, "channels"_a, "taps"_a, "isa"_a, "threads"_a, "tokens"_a,
        "Work of each of the first tokens of a float32 stream, in vector instructions, roughly.");
}

}  // namespace circulant::bindings
