// Python's view of the sliding-window pooling.
#include "kernels/sliding_pool.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

void bind_sliding_pool(nb::module_& m) {
    nb::enum_<PoolMode>(m, "PoolMode").value("MAX", PoolMode::max).value("AVERAGE", PoolMode::average);
    nb::class_<SlidingPoolSizes>(m, "SlidingPoolSizes")
        .def(
            "__init__",
            [](SlidingPoolSizes* self, std::size_t planes, const WindowAxis& rows, const WindowAxis& columns,
               PoolMode mode, std::size_t tile_rows, std::size_t tile_columns) {
                new (self) SlidingPoolSizes{planes, rows, columns, mode, tile_rows, tile_columns};
            },
            "planes"_a, "rows"_a, "columns"_a, "mode"_a, "tile_rows"_a, "tile_columns"_a);
    bind_unary_kernel<SlidingPoolSizes>(m, "sliding_pool",
                                        []<class S>(const auto&... call) { sliding_pool<S>(call...); });
    bind_workspace<SlidingPoolSizes>(m, "sliding_pool_workspace", []<class S>(const SlidingPoolSizes& sizes) {
        return sliding_pool_workspace<S>(sizes);
    });
}

}  // namespace circulant::bindings
