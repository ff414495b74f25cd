// Python's view of the sampled convolution.
#include "kernels/sampled_conv.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

namespace {

void bind_sizes(nb::module_& m) {
    nb::class_<SampledAxis>(m, "SampledAxis")
        .def(
            "__init__",
            [](SampledAxis* self, std::size_t size, std::size_t out_size, std::size_t taps,
               std::size_t stride, std::size_t dilation, std::size_t before) {
                new (self) SampledAxis{size, out_size, taps, stride, dilation, before};
            },
            "size"_a, "out_size"_a, "taps"_a, "stride"_a, "dilation"_a, "before"_a);
    nb::class_<SampledConvSizes>(m, "SampledConvSizes")
        .def(
            "__init__",
            [](SampledConvSizes* self, std::size_t batch, std::size_t channels, std::size_t groups,
               std::size_t block_channels, std::size_t ndim, const SampledAxis& depth,
               const SampledAxis& rows, const SampledAxis& columns) {
                new (self)
                    SampledConvSizes{batch, channels, groups, block_channels, ndim, depth, rows, columns};
            },
            "batch"_a, "channels"_a, "groups"_a, "block_channels"_a, "ndim"_a, "depth"_a, "rows"_a,
            "columns"_a);
    m.def("sampled_output_scratch", &sampled_output_scratch, "sizes"_a, "itemsize"_a,
          "Bytes that each thread holds.");
    m.def("sampled_gradients_scratch", &sampled_gradients_scratch, "sizes"_a, "itemsize"_a);
}

// The results lie one after another: the gradients of x, of the offsets and of the modulation.
template <class S>
SampledGradients<S> gradients_at(const SampledConvSizes& s, S* result) {
    const std::size_t plane = s.depth.size * s.rows.size * s.columns.size;
    const std::size_t out = s.depth.out_size * s.rows.out_size * s.columns.out_size;
    const std::size_t taps = s.depth.taps * s.rows.taps * s.columns.taps;
    S* const offset = result + s.batch * s.channels * plane;
    return {result, offset, offset + s.batch * s.groups * taps * s.ndim * out};
}

}  // namespace

void bind_sampled_conv(nb::module_& m) {
    bind_sizes(m);
    m.def(
        "sampled_output",
        [](const SampledConvSizes& sizes, Scalar scalar, std::uintptr_t x, std::uintptr_t offset,
           std::uintptr_t modulation, std::uintptr_t result, std::size_t threads, Isa isa) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                sampled_output(sizes, pointer<const S>(x), pointer<const S>(offset),
                               pointer<const S>(modulation), pointer<S>(result), Execution{threads, isa});
            });
        },
        nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a, "x"_a, "offset"_a, "modulation"_a,
        "result"_a, "threads"_a, "isa"_a);
    m.def(
        "sampled_gradients",
        [](const SampledConvSizes& sizes, Scalar scalar, std::uintptr_t x, std::uintptr_t offset,
           std::uintptr_t modulation, std::uintptr_t g, std::uintptr_t result, std::size_t threads, Isa isa) {
            count_call();
            dispatch(scalar, [&]<class S>() {
                sampled_gradients(sizes, pointer<const S>(x), pointer<const S>(offset),
                                  pointer<const S>(modulation), pointer<const S>(g),
                                  gradients_at(sizes, pointer<S>(result)), Execution{threads, isa});
            });
        },
        nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a, "x"_a, "offset"_a, "modulation"_a,
        "g"_a, "result"_a, "threads"_a, "isa"_a);
}

}  // namespace circulant::bindings
