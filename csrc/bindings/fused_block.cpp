// Python's view of the fused residual block.
#include "kernels/fused_block.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

namespace {

template <class S>
void run(const FusedBlockSizes& sizes, std::uintptr_t x, const std::uintptr_t (&weights)[6],
         std::uintptr_t y, Execution execution) {
    const auto weight = [&](std::size_t i) { return pointer<const S>(weights[i]); };
    fused_block<S>(sizes, pointer<const S>(x),
                   {weight(0), weight(1), weight(2), weight(3), weight(4), weight(5)}, pointer<S>(y), execution);
}

void bind_sizes(nb::module_& m) {
    nb::enum_<BlockActivation>(m, "BlockActivation")
        .value("RELU", BlockActivation::relu)
        .value("RELU6", BlockActivation::relu6)
        .value("SILU", BlockActivation::silu);
    nb::class_<FusedBlockSizes>(m, "FusedBlockSizes")
        .def(
            "__init__",
            [](FusedBlockSizes* self, std::size_t batch, std::size_t channels, std::size_t groups,
               std::size_t expanded, std::size_t height, std::size_t width, std::size_t taps,
               BlockActivation activation, std::size_t tile_rows, std::size_t tile_columns) {
                new (self) FusedBlockSizes{batch, channels, groups,     expanded,  height,
                                           width, taps,     activation, tile_rows, tile_columns};
            },
            "batch"_a, "channels"_a, "groups"_a, "expanded"_a, "height"_a, "width"_a, "taps"_a,
            "activation"_a, "tile_rows"_a, "tile_columns"_a);
}

}  // namespace

void bind_fused_block(nb::module_& m) {
    bind_sizes(m);
    m.def(
        "fused_block",
        [](const FusedBlockSizes& sizes, Scalar scalar, std::uintptr_t x, std::uintptr_t conv,
           std::uintptr_t conv_bias, std::uintptr_t expand, std::uintptr_t expand_bias,
           std::uintptr_t project, std::uintptr_t project_bias, std::uintptr_t y, std::size_t threads, Isa isa) {
            count_call();
            const std::uintptr_t weights[] = {conv, conv_bias, expand, expand_bias, project, project_bias};
            dispatch(scalar, [&]<class S>() { run<S>(sizes, x, weights, y, {threads, isa}); });
        },
        nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a, "x"_a, "conv"_a, "conv_bias"_a,
        "expand"_a, "expand_bias"_a, "project"_a, "project_bias"_a, "y"_a, "threads"_a, "isa"_a);
    bind_workspace<FusedBlockSizes>(m, "fused_block_workspace", []<class S>(const FusedBlockSizes& sizes) {
        return fused_block_workspace<S>(sizes);
    });
}

}  // namespace circulant::bindings
