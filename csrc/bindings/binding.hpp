// What every binding shares: pointers and sizes in, no logic.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>

#include "core/isa.hpp"
#include "core/storage.hpp"
#include "kernels/execution.hpp"

namespace circulant::bindings {

namespace nb = nanobind;
using namespace nb::literals;

// Counts a call of any kernel.
void count_call();

using Address = std::uintptr_t;  // of a tensor's first element; 0 for none

template <class T>
T* pointer(Address address) {
    return reinterpret_cast<T*>(address);
}

// Calls call.operator()<S>() for the type that the scalar names.
template <class Call>
void dispatch(Scalar scalar, const Call& call) {
    switch (scalar) {
        case Scalar::float32: return call.template operator()<float>();
        case Scalar::float64: return call.template operator()<double>();
        case Scalar::float16: return call.template operator()<Half>();
        case Scalar::bfloat16: return call.template operator()<BFloat16>();
    }
}

// A kernel of two operands and one result: run.operator()<S>(sizes, first, second, result, execution).
template <class Sizes, class Run>
void bind_kernel(nb::module_& m, const char* name, Run run) {
    m.def(
        name,
        [run](const Sizes& sizes, Scalar scalar, std::uintptr_t first, std::uintptr_t second,
              std::uintptr_t result, std::size_t threads, Isa isa) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                run.template operator()<S>(sizes, pointer<const S>(first), pointer<const S>(second),
                                           pointer<S>(result), Execution{threads, isa});
            });
        },
        nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a, "first"_a, "second"_a, "result"_a,
        "threads"_a, "isa"_a);
}

// A kernel of one operand and one result.
template <class Sizes, class Run>
void bind_unary_kernel(nb::module_& m, const char* name, Run run) {
    m.def(
        name,
        [run](const Sizes& sizes, Scalar scalar, std::uintptr_t operand, std::uintptr_t result,
              std::size_t threads, Isa isa) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                run.template operator()<S>(sizes, pointer<const S>(operand), pointer<S>(result),
                                           Execution{threads, isa});
            });
        },
        nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a, "operand"_a, "result"_a, "threads"_a,
        "isa"_a);
}

// The bytes of scratch memory that a kernel takes for each thread: measure.operator()<S>(sizes).
template <class Sizes, class Measure>
void bind_workspace(nb::module_& m, const char* name, Measure measure) {
    m.def(
        name,
        [measure](const Sizes& sizes, Scalar scalar) {
            std::size_t bytes = 0;
            dispatch(scalar, [&]<class S>() { bytes = measure.template operator()<S>(sizes); });
            return bytes;
        },
        "sizes"_a, "scalar"_a);
}

void bind_results(nb::module_& m);
void bind_long_conv(nb::module_& m);
void bind_depthwise_conv(nb::module_& m);
void bind_depthwise_fft(nb::module_& m);
void bind_local_conv(nb::module_& m);
void bind_sampled_conv(nb::module_& m);
void bind_gathered_conv(nb::module_& m);
void bind_window(nb::module_& m);
void bind_sliding_conv(nb::module_& m);
void bind_sliding_pool(nb::module_& m);
void bind_im2win(nb::module_& m);
void bind_winograd(nb::module_& m);
void bind_fused_block(nb::module_& m);
void bind_inverse_conv(nb::module_& m);
void bind_recurrence(nb::module_& m);
void bind_selective_scan(nb::module_& m);
void bind_linear_attention(nb::module_& m);
void bind_long_conv_stream(nb::module_& m);
void bind_transform(nb::module_& m);

}  // namespace circulant::bindings
