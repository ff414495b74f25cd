#include "kernels/im2win.hpp"

#include "core/aligned_buffer.hpp"
#include "core/threads.hpp"
#include "kernels/im2win_table.hpp"

namespace circulant {

namespace {

constexpr std::size_t kWidestVector = 16;  // numbers, of any instruction set
constexpr std::size_t kWidestBlock = 64;   // output channels multiplied together, of any instruction set

std::size_t round_up(std::size_t value) { return tile_count(value, kWidestVector) * kWidestVector; }

// The windows of one channel and one row of a tile.
std::size_t window_scalars(const WindowConvSizes& s) {
    return ((s.tile_columns - 1) * s.columns.stride + span(s.columns) + 1) * s.rows.taps;
}

std::size_t windows_scalars(const WindowConvSizes& s) { return s.tile_rows * s.in_channels * window_scalars(s); }

std::size_t filter_scalars(const WindowConvSizes& s) {
    return s.in_channels * s.rows.taps * s.columns.taps * round_up(s.out_channels);
}

}  // namespace

template <class S>
std::size_t im2win_workspace(const WindowConvSizes& s) {
    require_window_conv(s);
    return (windows_scalars(s) + round_up(s.tile_columns) * kWidestBlock) * sizeof(Arithmetic<S>);
}

template <class S>
std::size_t im2win_filters(const WindowConvSizes& s) {
    require_window_conv(s);
    return s.groups * filter_scalars(s) * sizeof(Arithmetic<S>);
}

template <class S>
void im2win_conv(const WindowConvSizes& s, const S* x, const S* weight, S* y, Execution execution) {
    using T = Arithmetic<S>;
    const std::size_t scalars = im2win_workspace<S>(s) / sizeof(T);
    const AlignedBuffer<T> filters(im2win_filters<S>(s) / sizeof(T));
    const Im2winJob<S> job = {.groups = s.groups,
                              .in_channels = s.in_channels,
                              .out_channels = s.out_channels,
                              .rows = s.rows,
                              .columns = s.columns,
                              .tile_rows = s.tile_rows,
                              .tile_columns = s.tile_columns,
                              .row_tiles = tile_count(s.rows.out_size, s.tile_rows),
                              .column_tiles = tile_count(s.columns.out_size, s.tile_columns),
                              .window_scalars = window_scalars(s),
                              .windows_scalars = windows_scalars(s),
                              .filter_scalars = filter_scalars(s),
                              .x = x,
                              .weight = weight,
                              .filters = filters.data(),
                              .y = y};
    const Im2winTable<S>& set = im2win_unit(execution.isa).template of<S>();
    const double filter_work = static_cast<double>(job.filter_scalars);
    parallel_ranges(useful_threads(execution.threads, s.groups, filter_work), s.groups,
                    [&](std::size_t first, std::size_t last) { set.lay_out_filters(job, first, last); });
    const std::size_t items = s.tiles();
    const double work = 2.0 * filter_work * static_cast<double>(s.tile_rows * s.tile_columns);
    parallel_ranges(useful_threads(execution.threads, items, work), items,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<T> workspace(scalars);
                        set.run_tiles(job, first, last, workspace.data());
                    });
}

#define CIRCULANT_INSTANTIATE(S)                                                            \
    template void im2win_conv(const WindowConvSizes&, const S*, const S*, S*, Execution);       \
    template std::size_t im2win_workspace<S>(const WindowConvSizes&);                           \
    template std::size_t im2win_filters<S>(const WindowConvSizes&)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
