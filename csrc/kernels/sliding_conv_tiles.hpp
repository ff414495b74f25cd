// Tiles of outputs of the sliding-window convolution.
#pragma once

#include "core/convert.hpp"
#include "kernels/sliding_conv_job.hpp"
#include "kernels/strip_rows.hpp"
#include "kernels/tap_tile.hpp"

namespace circulant::CIRCULANT_ISA {

// Where a block of output channels meets a piece of an output row.
template <class S, class T = Arithmetic<S>>
struct ConvPiece {
    Numbers<T> numbers;
    Factors<T> factors;
    S* to;
    size_t plane;  // of y, in numbers
    size_t last;   // position of the last vector
    size_t kept;   // numbers of it that are outputs

    template <size_t rows, size_t vectors>
    __attribute__((noinline)) void run() const {
        Vector<T> sum[rows][vectors] = {};
        add_products(sum, factors, numbers, last);
        CIRCULANT_UNROLL
        for (size_t r = 0; r < rows; ++r) {
            CIRCULANT_UNROLL
            for (size_t v = 0; v + 1 < vectors; ++v) narrow(to + r * plane + v * kLanes<T>, sum[r][v]);
            if (kept == kLanes<T>)
                narrow(to + r * plane + last, sum[r][vectors - 1]);
            else
                narrow_first(to + r * plane + last, sum[r][vectors - 1], kept);
        }
    }
};

// `columns` outputs of one row, all output channels of a group. The last vector of a row overlaps the
// one before it, rather than reading and writing behind the row's end.
template <class S, class T = Arithmetic<S>>
void convolve_row(const SlidingConvJob<S>& job, const T* weight, const T* source, size_t columns, S* to) {
    constexpr size_t lanes = kLanes<T>;
    const size_t terms = job.in_channels * job.tap_count, plane = job.rows.out_size * job.columns.out_size;
    const Blocks channels(job.out_channels, kTileRows), pieces((columns + lanes - 1) / lanes, kTileVectors);
    const size_t end = columns < lanes ? 0 : columns - lanes;  // where the last vector of the row starts
    for (size_t p = 0; p < pieces.count; ++p) {
        const size_t at = pieces.first(p) * lanes, vectors = pieces.length(p);
        const size_t start = at + (vectors - 1) * lanes;
        const size_t overlapping = start < end ? start : end;
        // A single vector may itself have to move back.
        const size_t from = vectors == 1 ? overlapping : at;
        for (size_t c = 0; c < channels.count; ++c) {
            const size_t channel = channels.first(c);
            const ConvPiece<S> piece = {
                {source + from, job.in_channels, job.channel_scalars, job.taps, job.tap_count},
                {weight + channel * terms, terms},
                to + channel * plane + from,
                plane,
                overlapping - from,
                columns < lanes ? columns : lanes};
            with_tile(channels.length(c), vectors, piece);
        }
    }
}

// Padded row and column, in x or in the strip, that a tile's outputs start from.
template <class S, class T = Arithmetic<S>>
const T* tile_source(const SlidingConvJob<S>& job, const S* planes, size_t row, size_t column, size_t rows,
                     T* strip) {
    if constexpr (sizeof(S) == sizeof(T)) {
        if (!job.copies) return planes + row * job.row_scalars + column;
    }
    const size_t plane = job.rows.size * job.columns.size;
    for (size_t c = 0; c < job.in_channels; ++c)
        fill_strip(job.strip, planes + c * plane, row, rows, column, T{0}, strip + c * job.channel_scalars);
    return strip;
}

// Tiles first .. last - 1, counted over (image, group, row, column). workspace: the strip, then weights.
template <class S, class T = Arithmetic<S>>
void run_tiles(const SlidingConvJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t tiles = job.row_tiles * job.column_tiles;
    const size_t x_plane = job.rows.size * job.columns.size, y_plane = job.rows.out_size * job.columns.out_size;
    const size_t kernel = job.out_channels * job.in_channels * job.tap_count;
    T* const widened = workspace;
    T* const strip = workspace + job.weight_scalars;
    size_t ready = job.groups;  // the group whose weights are widened: none
    for (size_t item = first; item < last; ++item) {
        const size_t tile = item % tiles, planes = item / tiles, group = planes % job.groups;
        const T* weight = nullptr;
        if constexpr (sizeof(S) == sizeof(T)) {
            weight = job.weight + group * kernel;
        } else {
            if (group != ready) widen_row(job.weight + group * kernel, kernel, widened);
            ready = group;
            weight = widened;
        }
        const size_t i = tile / job.column_tiles * job.tile_rows, j = tile % job.column_tiles * job.tile_columns;
        const size_t left = job.rows.out_size - i, right = job.columns.out_size - j;
        const size_t rows = left < job.tile_rows ? left : job.tile_rows;
        const size_t columns = right < job.tile_columns ? right : job.tile_columns;
        const T* const source = tile_source(job, job.x + planes * job.in_channels * x_plane,
                                            i * job.rows.stride, j * job.columns.stride,
                                            (rows - 1) * job.rows.stride + span(job.rows) + 1, strip);
        S* const to = job.y + planes * job.out_channels * y_plane + i * job.columns.out_size + j;
        for (size_t r = 0; r < rows; ++r)
            convolve_row(job, weight, source + r * job.rows.stride * job.row_scalars, columns,
                         to + r * job.columns.out_size);
    }
}

}  // namespace circulant::CIRCULANT_ISA
