// Local convolution block by block: the lines that a block of results sees are copied once, the kernels
// of one line of results are laid beside each other and used by every channel of the group.
#pragma once

#include "kernels/lines.hpp"
#include "kernels/local_job.hpp"
#include "kernels/local_tiles.hpp"

namespace circulant::CIRCULANT_ISA {

// Where a block of results lies.
struct LocalPlace {
    size_t image_group, slice, row, rows, column, columns;
};

CIRCULANT_INLINE size_t rest_of(size_t count, size_t first, size_t at_most) {
    return count - first < at_most ? count - first : at_most;
}

template <class S>
CIRCULANT_INLINE LocalPlace place_of(const LocalJob<S>& job, size_t item) {
    const LocalGrid& grid = job.grid;
    const size_t column = item % grid.column_blocks * job.block.columns;
    const size_t line = item / grid.column_blocks;
    const size_t row = line % grid.row_blocks * job.block.rows;
    const size_t slice = line / grid.row_blocks;
    return {.image_group = slice / grid.slices,
            .slice = slice % grid.slices,
            .row = row,
            .rows = rest_of(grid.rows, row, job.block.rows),
            .column = column,
            .columns = rest_of(grid.columns, column, job.block.columns)};
}

// Scratch memory of one thread, in this order.
template <class T>
struct LocalScratch {
    T* strip;       // the copied lines of a block of channels
    T* factors;     // a line for each tap, or for each channel in the kernel's gradient
    T* results;     // a line for each result that is computed together
    size_t* offsets;  // of the taps in the strip
};

template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE LocalScratch<T> scratch_of(const LocalJob<S>& job, size_t factors, T* memory,
                                            size_t* offsets) {
    T* const lines = memory + job.block.channels * job.strip.channel_scalars + kBlockColumns;
    return {memory, lines, lines + factors * job.block.columns + kBlockColumns, offsets};
}

// The slice of a plane at signed index `slice` into one slice of the strip, from line `row` on.
template <class S, class T = Arithmetic<S>>
void fill_slice(const LocalStrip& strip, const S* plane, const LocalAxis& rows, std::ptrdiff_t row,
                LinePart part, T* to) {
    for (size_t i = 0; i < strip.rows; ++i) {
        const std::ptrdiff_t at = row + static_cast<std::ptrdiff_t>(i);
        const bool inside = at >= 0 && at < static_cast<std::ptrdiff_t>(rows.size);
        const S* const line = plane + (inside ? at : 0) * static_cast<std::ptrdiff_t>(part.size);
        for (size_t phase = 0; phase < strip.step; ++phase) {
            LinePart own = part;
            own.first += static_cast<std::ptrdiff_t>(phase);
            const LineMeets where = inside ? meets(own, strip.phase_width) : LineMeets{0, 0};
            copy_line(line, own, where, strip.phase_width, to);
            to += strip.phase_width;
        }
    }
}

// Lines of x that the results at a place see, for `channels` channels from number `channel` on.
template <class S, class T = Arithmetic<S>>
void fill_input(const LocalJob<S>& job, const LocalPlace& place, size_t channel, size_t channels, T* strip) {
    const LocalAxis &d = job.depth, &r = job.rows, &c = job.columns;
    const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(place.row * r.stride - r.before);
    const LinePart part = {c.size, static_cast<std::ptrdiff_t>(place.column * c.stride - c.before), c.stride};
    for (size_t n = 0; n < channels; ++n) {
        const size_t source = place.image_group * job.group_channels + channel + n;
        const S* const plane = job.first + source * d.size * r.size * c.size;
        for (size_t u = 0; u < d.taps; ++u) {
            T* const to = strip + n * job.strip.channel_scalars + u * job.strip.rows * job.strip.line_scalars;
            const size_t slice = place.slice * d.stride + u * d.dilation - d.before;
            if (slice < d.size)  // a place before the first wraps around
                fill_slice(job.strip, plane + slice * r.size * c.size, r, row, part, to);
            else
                __builtin_memset(to, 0, job.strip.rows * job.strip.line_scalars * sizeof(T));
        }
    }
}

// Places of all taps in the strip of x, from that of the first line of results.
template <class S>
void input_offsets(const LocalJob<S>& job, size_t* offsets) {
    const LocalAxis &d = job.depth, &r = job.rows, &c = job.columns;
    for (size_t u = 0; u < d.taps; ++u)
        for (size_t v = 0; v < r.taps; ++v)
            for (size_t w = 0; w < c.taps; ++w) {
                const size_t line = u * job.strip.rows + v * r.dilation, column = w * c.dilation;
                *offsets++ = line * job.strip.line_scalars + column % c.stride * job.strip.phase_width +
                             column / c.stride;
            }
}

template <class S>
CIRCULANT_INLINE size_t out_line(const LocalJob<S>& job, const LocalPlace& place, size_t row) {
    return (place.slice * job.rows.out_size + place.row + row) * job.columns.out_size + place.column;
}

// One line of results of several channels.
template <class T>
CIRCULANT_INLINE void mix_channels(const LineSum<T>& sum, size_t channels, size_t width) {
    in_even_parts(channels, [&](auto count, size_t first) {
        LineSum<T> part = sum;
        part.rows.first += first * sum.rows.step;
        part.result.first += first * sum.result.step;
        mix_rows<decltype(count)::value>(part, width);
    });
}

// Blocks first .. last - 1 of the output.
template <class S, class T = Arithmetic<S>>
void local_output_blocks(const LocalJob<S>& job, size_t first, size_t last, T* memory, size_t* offsets) {
    const LocalScratch<T> scratch = scratch_of(job, job.taps, memory, offsets);
    const size_t plane = job.depth.out_size * job.rows.out_size * job.columns.out_size;
    const size_t lines = job.rows.stride * job.strip.line_scalars, width = job.block.columns;
    input_offsets(job, scratch.offsets);
    for (size_t item = first; item < last; ++item) {
        const LocalPlace place = place_of(job, item);
        for (size_t channel = 0; channel < job.group_channels; channel += job.block.channels) {
            const size_t channels = rest_of(job.group_channels, channel, job.block.channels);
            fill_input(job, place, channel, channels, scratch.strip);
            for (size_t i = 0; i < place.rows; ++i) {
                const size_t line = out_line(job, place, i);
                copy_lines(job.second + place.image_group * job.taps * plane + line, plane, job.taps,
                           place.columns, scratch.factors, width);
                mix_channels<T>({scratch.offsets,
                                 job.taps,
                                 {scratch.factors, width},
                                 {scratch.strip + i * lines, job.strip.channel_scalars},
                                 {scratch.results, width}},
                                channels, place.columns);
                S* const to = job.result + (place.image_group * job.group_channels + channel) * plane + line;
                for (size_t n = 0; n < channels; ++n)
                    store_line(scratch.results + n * width, place.columns, to + n * plane, 1);
            }
        }
    }
}

// Blocks first .. last - 1 of the kernel's gradient; all channels of a group are in one strip.
template <class S, class T = Arithmetic<S>>
void local_kernel_gradient_blocks(const LocalJob<S>& job, size_t first, size_t last, T* memory,
                                  size_t* offsets) {
    const size_t channels = job.group_channels, width = job.block.columns;
    const LocalScratch<T> scratch = scratch_of(job, channels, memory, offsets);
    const size_t plane = job.depth.out_size * job.rows.out_size * job.columns.out_size;
    input_offsets(job, scratch.offsets);
    for (size_t item = first; item < last; ++item) {
        const LocalPlace place = place_of(job, item);
        fill_input(job, place, 0, channels, scratch.strip);
        for (size_t i = 0; i < place.rows; ++i) {
            const size_t line = out_line(job, place, i);
            copy_lines(job.second + place.image_group * channels * plane + line, plane, channels,
                       place.columns, scratch.factors, width);
            const T* const from = scratch.strip + i * job.rows.stride * job.strip.line_scalars;
            const LineSum<T> sum = {scratch.offsets, channels, {scratch.factors, width},
                                    {from, job.strip.channel_scalars}, {scratch.results, width}};
            in_even_parts(job.taps, [&](auto count, size_t tap) {
                correlate_rows<decltype(count)::value>(sum, tap, place.columns);
            });
            S* const to = job.result + place.image_group * job.taps * plane + line;
            for (size_t m = 0; m < job.taps; ++m)
                store_line(scratch.results + m * width, place.columns, to + m * plane, 1);
        }
    }
}

}  // namespace circulant::CIRCULANT_ISA
