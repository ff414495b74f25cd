#include "kernels/winograd.hpp"

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/winograd_table.hpp"

namespace circulant {

namespace {

constexpr std::size_t kWidestVector = 16;  // numbers, of any instruction set

void check(const WinogradSizes& sizes) {
    const WindowConvSizes& s = sizes.conv;
    require_window_conv(s);
    require(sizes.patch == 2 || sizes.patch == 4,
            "expected patches of 2 or 4 outputs along each axis, got another number; choose one of these");
    require(s.groups == 1, "expected one group of channels, got more; call once for each");
    for (const WindowAxis& axis : {s.rows, s.columns})
        require(axis.taps == 3 && axis.stride == 1 && axis.dilation == 1,
                "expected 3 x 3 taps without stride or dilation, got others; convolve by sliding windows");
}

std::size_t frequencies(const WinogradSizes& s) { return (s.patch + 2) * (s.patch + 2); }

// Columns of patches in a strip, whose vectors may reach beyond the last.
std::size_t phase_width(const WinogradSizes& s) {
    return tile_count(s.conv.tile_columns, kWidestVector) * kWidestVector + 1;
}

std::size_t strip_scalars(const WinogradSizes& s) {
    return (s.conv.tile_rows * s.patch + 2) * s.patch * phase_width(s);
}

// The last row of patches may be written a vector beyond its end.
std::size_t position_scalars(const WinogradSizes& s) {
    return s.conv.tile_rows * s.conv.tile_columns + kWidestVector;
}

std::size_t thread_scalars(const WinogradSizes& s) {
    return strip_scalars(s) + frequencies(s) * (s.conv.in_channels + kWinogradRows) * position_scalars(s);
}

template <class S>
WinogradJob<S> job_of(const WinogradSizes& sizes, const S* x, const S* weight, Arithmetic<S>* filters, S* y) {
    const WindowConvSizes& s = sizes.conv;
    return {.in_channels = s.in_channels,
            .out_channels = s.out_channels,
            .patch = sizes.patch,
            .out_height = s.rows.out_size,
            .out_width = s.columns.out_size,
            .tile_rows = s.tile_rows,
            .tile_columns = s.tile_columns,
            .row_tiles = tile_count(s.rows.out_size, s.tile_rows * sizes.patch),
            .column_tiles = tile_count(s.columns.out_size, s.tile_columns * sizes.patch),
            .strip = {.height = s.rows.size,
                      .width = s.columns.size,
                      .before_rows = s.rows.before,
                      .before_columns = s.columns.before,
                      .step = sizes.patch,
                      .phase_width = phase_width(sizes)},
            .strip_scalars = strip_scalars(sizes),
            .position_scalars = position_scalars(sizes),
            .x = x,
            .weight = weight,
            .filters = filters,
            .y = y};
}

}  // namespace

template <class S>
std::size_t winograd_workspace(const WinogradSizes& s) {
    check(s);
    return thread_scalars(s) * sizeof(Arithmetic<S>);
}

template <class S>
std::size_t winograd_filters(const WinogradSizes& s) {
    check(s);
    return frequencies(s) * s.conv.in_channels * s.conv.out_channels * sizeof(Arithmetic<S>);
}

template <class S>
void winograd_conv(const WinogradSizes& s, const S* x, const S* weight, S* y, Execution execution) {
    using T = Arithmetic<S>;
    const AlignedBuffer<T> filters(winograd_filters<S>(s) / sizeof(T));
    const WinogradJob<S> job = job_of(s, x, weight, filters.data(), y);
    const WinogradTable<S>& set = winograd_unit(execution.isa).template of<S>();
    const double filter_work = static_cast<double>(frequencies(s) * s.conv.in_channels);
    parallel_ranges(useful_threads(execution.threads, s.conv.out_channels, 4 * filter_work), s.conv.out_channels,
                    [&](std::size_t first, std::size_t last) { set.transform_filters(job, first, last); });
    const std::size_t items = s.conv.batch * job.row_tiles * job.column_tiles;
    const std::size_t products = s.conv.out_channels * s.conv.tile_rows * s.conv.tile_columns;
    const double work = 2 * filter_work * static_cast<double>(products);
    parallel_ranges(useful_threads(execution.threads, items, work), items,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<T> workspace(thread_scalars(s));
                        set.run_tiles(job, first, last, workspace.data());
                    });
}

#define CIRCULANT_INSTANTIATE(S)                                                              \
    template void winograd_conv(const WinogradSizes&, const S*, const S*, S*, Execution);     \
    template std::size_t winograd_workspace<S>(const WinogradSizes&);                         \
    template std::size_t winograd_filters<S>(const WinogradSizes&)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
