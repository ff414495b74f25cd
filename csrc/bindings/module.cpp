// The Python module.
#include <nanobind/stl/vector.h>

#include <atomic>

#include "bindings/binding.hpp"

namespace circulant::bindings {

namespace {

std::atomic<std::uint64_t> calls{0};

void bind_machine(nb::module_& m) {
    nb::enum_<Isa>(m, "Isa")
        .value("BASELINE", Isa::baseline)
        .value("AVX2", Isa::avx2)
        .value("AVX512", Isa::avx512);
    nb::enum_<Scalar>(m, "Scalar")
        .value("float32", Scalar::float32)
        .value("float64", Scalar::float64)
        .value("float16", Scalar::float16)
        .value("bfloat16", Scalar::bfloat16);
    m.def("supported_isas", &supported_isas, "Instruction sets of this build and machine, lowest first.");
    m.def("call_count", [] { return calls.load(); }, "Kernel calls since the module was loaded.");
}

}  // namespace

void count_call() { calls.fetch_add(1, std::memory_order_relaxed); }

}  // namespace circulant::bindings

NB_MODULE(_core, m) {
    using namespace circulant::bindings;
    bind_machine(m);
    bind_results(m);
    bind_long_conv(m);
    bind_depthwise_conv(m);
    bind_depthwise_fft(m);
    bind_local_conv(m);
    bind_sampled_conv(m);
    bind_gathered_conv(m);
    bind_window(m);
    bind_sliding_conv(m);
    bind_sliding_pool(m);
    bind_im2win(m);
    bind_winograd(m);
    bind_fused_block(m);
    bind_inverse_conv(m);
    bind_recurrence(m);
    bind_selective_scan(m);
    bind_linear_attention(m);
    bind_long_conv_stream(m);
    bind_transform(m);
}
