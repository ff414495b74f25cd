#include "kernels/local_conv.hpp"

#include <string>

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/local_table.hpp"

namespace circulant {

namespace {

void check(const LocalConvSizes& s) {
    for (const LocalAxis& axis : {s.depth, s.rows, s.columns})
        for (const std::size_t size : {axis.size, axis.out_size, axis.taps, axis.stride, axis.dilation})
            require(size > 0, "expected sizes, strides and dilations of at least 1, got 0; "
                              "return an empty result without this call");
    for (const std::size_t size :
         {s.batch, s.channels, s.groups, s.block.channels, s.block.rows, s.block.columns})
        require(size > 0, "expected batch, channels, groups and blocks of at least 1, got 0; "
                          "return an empty result without this call");
    require(s.channels % s.groups == 0, "expected groups that divide " + std::to_string(s.channels) +
                                            " channels, got " + std::to_string(s.groups) + "; change one");
    require(s.block.columns % kBlockColumns == 0,
            "expected blocks of a multiple of " + std::to_string(kBlockColumns) + " columns, got " +
                std::to_string(s.block.columns) + "; round them up");
}

std::size_t parts(std::size_t count, std::size_t size) { return (count + size - 1) / size; }

std::size_t taps(const LocalConvSizes& s) { return s.depth.taps * s.rows.taps * s.columns.taps; }

std::size_t span(const LocalAxis& axis) { return axis.dilation * (axis.taps - 1); }

LocalStrip strip_of(const LocalConvSizes& s, std::size_t rows, std::size_t step) {
    LocalStrip strip{};
    strip.rows = rows;
    strip.step = step;
    strip.phase_width = s.block.columns + span(s.columns) / s.columns.stride;
    strip.line_scalars = step * strip.phase_width;
    // An odd number of cache lines: the channels must not all fall on the same few sets.
    strip.channel_scalars = parts(s.depth.taps * rows * strip.line_scalars, 16) * 16;
    if (strip.channel_scalars / 16 % 2 == 0) strip.channel_scalars += 16;
    return strip;
}

LocalStrip input_strip(const LocalConvSizes& s) {
    const std::size_t rows = (s.block.rows - 1) * s.rows.stride + span(s.rows) + 1;
    return strip_of(s, rows, s.columns.stride);
}

LocalStrip gradient_strip(const LocalConvSizes& s) {
    return strip_of(s, (s.block.rows - 1 + span(s.rows)) / s.rows.stride + 2, 1);
}

// Numbers of type Arithmetic<S>: strip, factors and results, each with room for a vector behind it.
std::size_t scratch(const LocalConvSizes& s, const LocalStrip& strip, std::size_t factors,
                    std::size_t results) {
    return s.block.channels * strip.channel_scalars + (factors + results) * s.block.columns +
           3 * kBlockColumns;
}

LocalGrid grid_of(const LocalConvSizes& s, std::size_t slices, std::size_t rows, std::size_t columns,
                  std::size_t first_column) {
    return {slices, rows, columns, first_column, parts(rows, s.block.rows), parts(columns, s.block.columns)};
}

LocalGrid output_grid(const LocalConvSizes& s) {
    return grid_of(s, s.depth.out_size, s.rows.out_size, s.columns.out_size, 0);
}

// Columns of the input, padding counted, in units of the stride.
LocalGrid input_grid(const LocalConvSizes& s) {
    const std::size_t first = s.columns.before / s.columns.stride;
    const std::size_t last = (s.columns.before + s.columns.size - 1) / s.columns.stride;
    return grid_of(s, s.depth.size, s.rows.size, last - first + 1, first);
}

template <class S>
void run(const LocalConvSizes& s, const LocalStrip& strip, const LocalGrid& grid, std::size_t scalars,
         LocalBlocks<S> blocks, const S* first, const S* second, S* result, Execution execution) {
    const LocalJob<S> job = {.group_channels = s.channels / s.groups,
                             .taps = taps(s),
                             .depth = s.depth,
                             .rows = s.rows,
                             .columns = s.columns,
                             .block = s.block,
                             .strip = strip,
                             .grid = grid,
                             .first = first,
                             .second = second,
                             .result = result};
    const std::size_t count = s.batch * s.groups * grid.slices * grid.row_blocks * grid.column_blocks;
    const double work =
        2.0 * static_cast<double>(job.group_channels * job.taps * s.block.rows * s.block.columns);
    const std::size_t offsets = job.taps + 2 * s.depth.taps * s.rows.taps;
    parallel_ranges(useful_threads(execution.threads, count, work), count,
                    [&](std::size_t from, std::size_t to) {
                        const AlignedBuffer<Arithmetic<S>> memory(scalars);
                        const AlignedBuffer<std::size_t> places(offsets);
                        blocks(job, from, to, memory.data(), places.data());
                    });
}

}  // namespace

std::size_t local_output_scratch(const LocalConvSizes& sizes) {
    return scratch(sizes, input_strip(sizes), taps(sizes), sizes.block.channels);
}

std::size_t local_input_gradient_scratch(const LocalConvSizes& sizes) {
    return scratch(sizes, gradient_strip(sizes), taps(sizes), sizes.block.channels);
}

std::size_t local_kernel_gradient_scratch(const LocalConvSizes& sizes) {
    return scratch(sizes, input_strip(sizes), sizes.block.channels, taps(sizes));
}

template <class S>
void local_output(const LocalConvSizes& sizes, const S* x, const S* weight, S* y, Execution execution) {
    check(sizes);
    run(sizes, input_strip(sizes), output_grid(sizes), local_output_scratch(sizes),
        local_unit(execution.isa).of<S>().output, x, weight, y, execution);
}

template <class S>
void local_input_gradient(const LocalConvSizes& sizes, const S* g, const S* weight, S* gx,
                          Execution execution) {
    check(sizes);
    run(sizes, gradient_strip(sizes), input_grid(sizes), local_input_gradient_scratch(sizes),
        local_unit(execution.isa).of<S>().input_gradient, g, weight, gx, execution);
}

template <class S>
void local_kernel_gradient(const LocalConvSizes& sizes, const S* x, const S* g, S* gw, Execution execution) {
    check(sizes);
    const std::size_t group_channels = sizes.channels / sizes.groups;
    require(sizes.block.channels == group_channels,
            "expected blocks of all " + std::to_string(group_channels) + " channels of a group, got " +
                std::to_string(sizes.block.channels) + "; the kernel's gradient sums over them");
    run(sizes, input_strip(sizes), output_grid(sizes), local_kernel_gradient_scratch(sizes),
        local_unit(execution.isa).of<S>().kernel_gradient, x, g, gw, execution);
}

#define CIRCULANT_INSTANTIATE(S)                                                                      \
    template void local_output(const LocalConvSizes&, const S*, const S*, S*, Execution);             \
    template void local_input_gradient(const LocalConvSizes&, const S*, const S*, S*, Execution);     \
    template void local_kernel_gradient(const LocalConvSizes&, const S*, const S*, S*, Execution)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
