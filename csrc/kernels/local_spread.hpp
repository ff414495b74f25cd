// The input's gradient of a local convolution, as a sum for each of its places: which taps of which
// results a place met depends on its index modulo the stride along each axis.
#pragma once

#include "kernels/local_blocks.hpp"

namespace circulant::CIRCULANT_ISA {

// The place that met tap `tap` when it counts as `padded`, or `out_size` where there is none.
CIRCULANT_INLINE size_t met_by(const LocalAxis& axis, size_t padded, size_t tap) {
    const size_t back = tap * axis.dilation;
    if (back > padded || (padded - back) % axis.stride != 0) return axis.out_size;
    const size_t place = (padded - back) / axis.stride;
    return place < axis.out_size ? place : axis.out_size;
}

// The line of g where the strip of a block begins; it may lie before the first.
CIRCULANT_INLINE std::ptrdiff_t first_line(const LocalAxis& axis, size_t row) {
    const std::ptrdiff_t padded = static_cast<std::ptrdiff_t>(row + axis.before);
    const std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(axis.stride);
    const std::ptrdiff_t back = padded - static_cast<std::ptrdiff_t>(axis.dilation * (axis.taps - 1));
    return back >= 0 ? back / stride : -((stride - 1 - back) / stride);
}

CIRCULANT_INLINE size_t column_reach(const LocalAxis& columns) {
    return columns.dilation * (columns.taps - 1) / columns.stride;
}

// Lines of g that the results at a place add up.
template <class S, class T = Arithmetic<S>>
void fill_gradient(const LocalJob<S>& job, const LocalPlace& place, size_t channel, size_t channels,
                   T* strip) {
    const LocalAxis &d = job.depth, &r = job.rows, &c = job.columns;
    const LocalAxis lines = {
        .size = r.out_size, .out_size = 0, .taps = 1, .stride = 1, .dilation = 1, .before = 0};
    const std::ptrdiff_t column = static_cast<std::ptrdiff_t>(job.grid.first_column + place.column);
    const LinePart part = {c.out_size, column - static_cast<std::ptrdiff_t>(column_reach(c)), 1};
    for (size_t n = 0; n < channels; ++n) {
        const size_t source = place.image_group * job.group_channels + channel + n;
        const S* const plane = job.first + source * d.out_size * r.out_size * c.out_size;
        for (size_t u = 0; u < d.taps; ++u) {
            const size_t slice = met_by(d, place.slice + d.before, u);
            if (slice == d.out_size) continue;
            T* const to = strip + n * job.strip.channel_scalars + u * job.strip.rows * job.strip.line_scalars;
            fill_slice(job.strip, plane + slice * r.out_size * c.out_size, lines, first_line(r, place.row),
                       part, to);
        }
    }
}

// A line of g and the line of kernels that belongs to it.
struct MetLine {
    size_t source;   // in the strip
    size_t kernels;  // of the first tap along the columns
};

// All lines that a line of results adds up; their number.
template <class S>
size_t met_lines(const LocalJob<S>& job, const LocalPlace& place, size_t row, MetLine* lines) {
    const LocalAxis &d = job.depth, &r = job.rows, &c = job.columns;
    const std::ptrdiff_t first = first_line(r, place.row);
    const size_t plane = d.out_size * r.out_size * c.out_size;
    size_t count = 0;
    for (size_t u = 0; u < d.taps; ++u) {
        const size_t slice = met_by(d, place.slice + d.before, u);
        if (slice == d.out_size) continue;
        for (size_t v = 0; v < r.taps; ++v) {
            const size_t line = met_by(r, row + r.before, v);
            if (line == r.out_size) continue;
            const size_t at = static_cast<size_t>(static_cast<std::ptrdiff_t>(line) - first);
            lines[count++] = {(u * job.strip.rows + at) * job.strip.line_scalars,
                              (u * r.taps + v) * c.taps * plane + (slice * r.out_size + line) * c.out_size};
        }
    }
    return count;
}

// Kernels of the taps that meet columns of a residue, laid beside the results; their number.
template <class S, class T = Arithmetic<S>>
size_t lay_kernels(const LocalJob<S>& job, const LocalPlace& place, size_t residue, const MetLine* lines,
                   size_t line_count, const LocalScratch<T>& scratch) {
    const LocalAxis& c = job.columns;
    const size_t plane = job.depth.out_size * job.rows.out_size * c.out_size, width = job.block.columns;
    const S* const kernels = job.second + place.image_group * job.taps * plane;
    const size_t column = job.grid.first_column + place.column;
    size_t count = 0;
    for (size_t w = 0; w < c.taps; ++w) {
        if (w * c.dilation % c.stride != residue) continue;
        const size_t shift = w * c.dilation / c.stride;
        const LinePart part = {c.out_size, static_cast<std::ptrdiff_t>(column - shift), 1};
        const LineMeets where = meets(part, place.columns);
        for (size_t n = 0; n < line_count; ++n, ++count) {
            scratch.offsets[count] = lines[n].source + column_reach(c) - shift;
            copy_line(kernels + lines[n].kernels + w * plane, part, where, place.columns,
                      scratch.factors + count * width);
        }
    }
    return count;
}

// One line of results of a residue into every stride-th column of x's gradient.
template <class S, class T = Arithmetic<S>>
void store_residue(const LocalJob<S>& job, const LocalPlace& place, size_t residue, size_t channels,
                   const T* results, S* to) {
    const LocalAxis& c = job.columns;
    const size_t start = job.grid.first_column + place.column, before = c.before;
    const size_t first_inside = before > residue ? (before - residue + c.stride - 1) / c.stride : 0;
    const size_t first = first_inside > start ? first_inside : start;
    if (first * c.stride + residue >= before + c.size) return;
    const size_t end_inside = (before + c.size - residue + c.stride - 1) / c.stride;
    const size_t end = end_inside < start + place.columns ? end_inside : start + place.columns;
    if (first >= end) return;
    const size_t plane = job.depth.size * job.rows.size * c.size;
    for (size_t n = 0; n < channels; ++n)
        store_line(results + n * job.block.columns + (first - start), end - first,
                   to + n * plane + first * c.stride + residue - before, c.stride);
}

// Blocks first .. last - 1 of the input's gradient. offsets: for the taps, then for the lines.
template <class S, class T = Arithmetic<S>>
void local_input_gradient_blocks(const LocalJob<S>& job, size_t first, size_t last, T* memory,
                                 size_t* offsets) {
    const LocalScratch<T> scratch = scratch_of(job, job.taps, memory, offsets);
    MetLine* const lines = reinterpret_cast<MetLine*>(offsets + job.taps);
    const size_t plane = job.depth.size * job.rows.size * job.columns.size, width = job.block.columns;
    for (size_t item = first; item < last; ++item) {
        const LocalPlace place = place_of(job, item);
        for (size_t channel = 0; channel < job.group_channels; channel += job.block.channels) {
            const size_t channels = rest_of(job.group_channels, channel, job.block.channels);
            fill_gradient(job, place, channel, channels, scratch.strip);
            for (size_t i = 0; i < place.rows; ++i) {
                const size_t row = place.row + i;
                const size_t line_count = met_lines(job, place, row, lines);
                S* const to = job.result + (place.image_group * job.group_channels + channel) * plane +
                              (place.slice * job.rows.size + row) * job.columns.size;
                for (size_t residue = 0; residue < job.columns.stride; ++residue) {
                    const size_t taps = lay_kernels(job, place, residue, lines, line_count, scratch);
                    mix_channels<T>({scratch.offsets, taps, {scratch.factors, width},
                                     {scratch.strip, job.strip.channel_scalars}, {scratch.results, width}},
                                    channels, place.columns);
                    store_residue(job, place, residue, channels, scratch.results, to);
                }
            }
        }
    }
}

}  // namespace circulant::CIRCULANT_ISA
