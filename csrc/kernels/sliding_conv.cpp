#include "kernels/sliding_conv.hpp"

#include <algorithm>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/threads.hpp"
#include "kernels/sliding_conv_table.hpp"

namespace circulant {

namespace {

// The widest vector of any instruction set, in numbers: a strip has room to read one at any output.
constexpr std::size_t kWidestVector = 16;

// From this many channels on a strip pays even where x could be read in place: channels a power of two
// apart would fight for the same lines of the cache.
constexpr std::size_t kChannelsInPlace = 8;

bool reads_outside(const WindowAxis& axis) {
    return axis.before > 0 || (axis.out_size - 1) * axis.stride + span(axis) >= axis.size;
}

template <class S>
bool copies(const WindowConvSizes& s) {
    const std::size_t last_tile = (s.columns.out_size - 1) % s.tile_columns + 1;
    return sizeof(S) != sizeof(Arithmetic<S>) || s.columns.stride > 1 || reads_outside(s.rows) ||
           reads_outside(s.columns) || s.in_channels > kChannelsInPlace ||
           std::min(s.tile_columns, last_tile) < kWidestVector;
}

Strip strip_of(const WindowConvSizes& s) {
    return {.height = s.rows.size,
            .width = s.columns.size,
            .before_rows = s.rows.before,
            .before_columns = s.columns.before,
            .step = s.columns.stride,
            .phase_width = std::max(s.tile_columns, kWidestVector) + span(s.columns) / s.columns.stride};
}

std::size_t strip_rows(const WindowConvSizes& s) { return (s.tile_rows - 1) * s.rows.stride + span(s.rows) + 1; }

std::vector<std::size_t> tap_offsets(const WindowConvSizes& s, const Strip& strip, std::size_t row_scalars) {
    std::vector<std::size_t> taps;
    for (std::size_t u = 0; u < s.rows.taps; ++u)
        for (std::size_t v = 0; v < s.columns.taps; ++v) {
            const std::size_t column = v * s.columns.dilation;
            const std::size_t phase = column % strip.step * strip.phase_width;
            taps.push_back(u * s.rows.dilation * row_scalars + phase + column / strip.step);
        }
    return taps;
}

}  // namespace

template <class S>
std::size_t sliding_conv_workspace(const WindowConvSizes& s) {
    require_window_conv(s);
    const std::size_t strip = copies<S>(s) ? s.in_channels * strip_rows(s) * strip_of(s).row_scalars() : 0;
    const bool widens = sizeof(S) != sizeof(Arithmetic<S>);
    const std::size_t weight = s.out_channels * s.in_channels * s.rows.taps * s.columns.taps;
    return (strip + (widens ? weight : 0)) * sizeof(Arithmetic<S>);
}

template <class S>
void sliding_conv(const WindowConvSizes& s, const S* x, const S* weight, S* y, Execution execution) {
    const std::size_t workspace_byte = sliding_conv_workspace<S>(s);
    const Strip strip = strip_of(s);
    const bool in_strip = copies<S>(s);
    const std::size_t row_scalars = in_strip ? strip.row_scalars() : s.columns.size;
    const std::vector<std::size_t> taps = tap_offsets(s, strip, row_scalars);
    const std::size_t kernel = s.out_channels * s.in_channels * taps.size();
    const SlidingConvJob<S> job = {
        .groups = s.groups,
        .in_channels = s.in_channels,
        .out_channels = s.out_channels,
        .rows = s.rows,
        .columns = s.columns,
        .tile_rows = s.tile_rows,
        .tile_columns = s.tile_columns,
        .row_tiles = tile_count(s.rows.out_size, s.tile_rows),
        .column_tiles = tile_count(s.columns.out_size, s.tile_columns),
        .copies = in_strip,
        .strip = strip,
        .channel_scalars = in_strip ? strip_rows(s) * row_scalars : s.rows.size * s.columns.size,
        .row_scalars = row_scalars,
        .taps = taps.data(),
        .tap_count = taps.size(),
        .weight_scalars = sizeof(S) == sizeof(Arithmetic<S>) ? 0 : kernel,
        .x = x,
        .weight = weight,
        .y = y};
    const SlidingConvTable<S>& set = sliding_conv_unit(execution.isa).template of<S>();
    const std::size_t items = s.tiles();
    const double work = 2.0 * static_cast<double>(kernel * s.tile_rows * s.tile_columns);
    parallel_ranges(useful_threads(execution.threads, items, work), items,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<Arithmetic<S>> workspace(workspace_byte / sizeof(Arithmetic<S>));
                        set.run_tiles(job, first, last, workspace.data());
                    });
}

#define CIRCULANT_INSTANTIATE(S)                                                                   \
    template void sliding_conv(const WindowConvSizes&, const S*, const S*, S*, Execution);        \
    template std::size_t sliding_conv_workspace<S>(const WindowConvSizes&)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
