// Python's view of the core: pointers and sizes in, no logic.
#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cstdint>

#include "core/error.hpp"
#include "core/isa.hpp"
#include "kernels/depthwise_conv.hpp"
#include "kernels/long_conv.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using namespace circulant;

namespace {

std::atomic<std::uint64_t> calls{0};

template <class T, class Sizes>
using Kernel = void (*)(const Sizes&, const T*, const T*, T*, Execution);

template <class T>
T* pointer(std::uintptr_t address) {
    return reinterpret_cast<T*>(address);
}

template <class Sizes>
void bind_kernel(nb::module_& m, const char* name, Kernel<float, Sizes> single, Kernel<double, Sizes> twice) {
    m.def(
        name,
        [single, twice](const Sizes& sizes, bool is_double, std::uintptr_t first, std::uintptr_t second,
                        std::uintptr_t result, std::size_t threads, Isa isa) {
            calls.fetch_add(1, std::memory_order_relaxed);
            const Execution execution{threads, isa};
            if (is_double)
                twice(sizes, pointer<const double>(first), pointer<const double>(second),
                      pointer<double>(result), execution);
            else
                single(sizes, pointer<const float>(first), pointer<const float>(second),
                       pointer<float>(result), execution);
        },
        nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "is_double"_a, "first"_a, "second"_a, "result"_a,
        "threads"_a, "isa"_a);
}

void bind_machine(nb::module_& m) {
    nb::enum_<Isa>(m, "Isa")
        .value("BASELINE", Isa::baseline)
        .value("AVX2", Isa::avx2)
        .value("AVX512", Isa::avx512);
    m.def("supported_isas", &supported_isas, "Instruction sets of this build and machine, lowest first.");
    m.def("call_count", [] { return calls.load(); }, "Kernel calls since the module was loaded.");
}

void bind_long_conv(nb::module_& m) {
    nb::class_<LongConvSizes>(m, "LongConvSizes")
        .def(
            "__init__",
            [](LongConvSizes* self, std::size_t batch, std::size_t channels, std::size_t length,
               std::size_t taps, std::size_t shift, bool circular) {
                new (self) LongConvSizes{batch, channels, length, taps, shift, circular};
            },
            "batch"_a, "channels"_a, "length"_a, "taps"_a, "shift"_a, "circular"_a);
    bind_kernel<LongConvSizes>(m, "long_conv_output", long_conv_output<float>, long_conv_output<double>);
    bind_kernel<LongConvSizes>(m, "long_conv_input_gradient", long_conv_input_gradient<float>,
                               long_conv_input_gradient<double>);
    bind_kernel<LongConvSizes>(m, "long_conv_kernel_gradient", long_conv_kernel_gradient<float>,
                               long_conv_kernel_gradient<double>);
}

void bind_depthwise_conv(nb::module_& m) {
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
               const DepthwiseAxis& rows, const DepthwiseAxis& columns) {
                new (self) DepthwiseSizes{batch, channels, multiplier, rows, columns};
            },
            "batch"_a, "channels"_a, "multiplier"_a, "rows"_a, "columns"_a);
    bind_kernel<DepthwiseSizes>(m, "depthwise_output", depthwise_output<float>, depthwise_output<double>);
    bind_kernel<DepthwiseSizes>(m, "depthwise_input_gradient", depthwise_input_gradient<float>,
                                depthwise_input_gradient<double>);
    bind_kernel<DepthwiseSizes>(m, "depthwise_kernel_gradient", depthwise_kernel_gradient<float>,
                                depthwise_kernel_gradient<double>);
}

}  // namespace

NB_MODULE(_core, m) {
    bind_machine(m);
    bind_long_conv(m);
    bind_depthwise_conv(m);
}
