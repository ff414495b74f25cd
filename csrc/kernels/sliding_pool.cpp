#include "kernels/sliding_pool.hpp"

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/sliding_pool_table.hpp"

namespace circulant {

namespace {

void check(const SlidingPoolSizes& s) {
    for (const std::size_t size : {s.planes, s.rows.size, s.rows.out_size, s.rows.taps, s.rows.stride,
                                   s.columns.size, s.columns.out_size, s.columns.taps, s.columns.stride,
                                   s.tile_rows, s.tile_columns})
        require(size > 0, "expected sizes, strides and tiles of at least 1, got 0; "
                          "return an empty result without this call");
    require(s.rows.dilation == 1 && s.columns.dilation == 1,
            "expected windows without gaps, got a dilation above 1; pool with torch");
}

std::size_t read(const WindowAxis& axis, std::size_t outputs) { return (outputs - 1) * axis.stride + axis.taps; }

std::size_t strip_scalars(const SlidingPoolSizes& s) {
    return read(s.rows, s.tile_rows) * read(s.columns, s.tile_columns);
}

}  // namespace

template <class S>
std::size_t sliding_pool_workspace(const SlidingPoolSizes& s) {
    check(s);
    const std::size_t copies = s.mode == PoolMode::average ? 2 : 1;
    return copies * strip_scalars(s) * sizeof(Arithmetic<S>);
}

template <class S>
void sliding_pool(const SlidingPoolSizes& s, const S* x, S* y, Execution execution) {
    const std::size_t scalars = sliding_pool_workspace<S>(s) / sizeof(Arithmetic<S>);
    const SlidingPoolJob<S> job = {.rows = s.rows,
                                   .columns = s.columns,
                                   .tile_rows = s.tile_rows,
                                   .tile_columns = s.tile_columns,
                                   .row_tiles = tile_count(s.rows.out_size, s.tile_rows),
                                   .column_tiles = tile_count(s.columns.out_size, s.tile_columns),
                                   .strip = {.height = s.rows.size,
                                             .width = s.columns.size,
                                             .before_rows = s.rows.before,
                                             .before_columns = s.columns.before,
                                             .step = 1,
                                             .phase_width = read(s.columns, s.tile_columns)},
                                   .strip_scalars = strip_scalars(s),
                                   .x = x,
                                   .y = y};
    const SlidingPoolTable<S>& set = sliding_pool_unit(execution.isa).template of<S>();
    const auto pool = s.mode == PoolMode::max ? set.pool_max : set.pool_average;
    const std::size_t items = s.planes * job.row_tiles * job.column_tiles;
    const double work = 8.0 * static_cast<double>(job.strip_scalars);
    parallel_ranges(useful_threads(execution.threads, items, work), items,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<Arithmetic<S>> workspace(scalars);
                        pool(job, first, last, workspace.data());
                    });
}

#define CIRCULANT_INSTANTIATE(S)                                                  \
    template void sliding_pool(const SlidingPoolSizes&, const S*, S*, Execution); \
    template std::size_t sliding_pool_workspace<S>(const SlidingPoolSizes&)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
