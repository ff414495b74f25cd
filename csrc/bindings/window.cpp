// Python's view of windows that move over planes.
#include "kernels/window_conv.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

void bind_window(nb::module_& m) {
    nb::class_<WindowAxis>(m, "WindowAxis")
        .def(
            "__init__",
            [](WindowAxis* self, std::size_t size, std::size_t out_size, std::size_t taps, std::size_t stride,
               std::size_t dilation, std::size_t before) {
                new (self) WindowAxis{size, out_size, taps, stride, dilation, before};
            },
            "size"_a, "out_size"_a, "taps"_a, "stride"_a, "dilation"_a, "before"_a);
    nb::class_<WindowConvSizes>(m, "WindowConvSizes")
        .def(
            "__init__",
            [](WindowConvSizes* self, std::size_t batch, std::size_t groups, std::size_t in_channels,
               std::size_t out_channels, const WindowAxis& rows, const WindowAxis& columns,
               std::size_t tile_rows, std::size_t tile_columns) {
                new (self) WindowConvSizes{batch, groups,  in_channels, out_channels,
                                           rows,  columns, tile_rows,   tile_columns};
            },
            "batch"_a, "groups"_a, "in_channels"_a, "out_channels"_a, "rows"_a, "columns"_a, "tile_rows"_a,
            "tile_columns"_a);
}

}  // namespace circulant::bindings
