// Windows and filters laid out, and their dot products: output channels in the lanes of vectors.
#pragma once

#include "core/convert.hpp"
#include "core/transpose.hpp"
#include "kernels/im2win_job.hpp"
#include "kernels/tap_tile.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
CIRCULANT_INLINE Blocks channel_blocks(size_t channels) {
    return Blocks((channels + kLanes<T> - 1) / kLanes<T>, kTileVectors);
}

// Groups first .. last - 1. Channels behind the last have filters of zeros.
template <class S, class T = Arithmetic<S>>
void lay_out_filters(const Im2winJob<S>& job, size_t first, size_t last) {
    const size_t taps = job.rows.taps * job.columns.taps, terms = job.in_channels * taps;
    const Blocks blocks = channel_blocks<T>(job.out_channels);
    for (size_t group = first; group < last; ++group) {
        const S* const weight = job.weight + group * job.out_channels * terms;
        for (size_t b = 0; b < blocks.count; ++b) {
            const size_t start = blocks.first(b) * kLanes<T>, width = blocks.length(b) * kLanes<T>;
            T* to = job.filters + group * job.filter_scalars + start * terms;
            for (size_t c = 0; c < job.in_channels; ++c)
                for (size_t v = 0; v < job.columns.taps; ++v)
                    for (size_t u = 0; u < job.rows.taps; ++u)
                        for (size_t o = start; o < start + width; ++o, ++to)
                            *to = o < job.out_channels
                                      ? widen_one(weight[o * terms + c * taps + u * job.columns.taps + v])
                                      : T{0};
        }
    }
}

// Row u of the windows of output row i: to[k taps] = padded column `column` + k of it.
template <class S, class T = Arithmetic<S>>
void interleave_row(const Im2winJob<S>& job, const S* plane, size_t padded_row, size_t column, T* to) {
    const size_t taps = job.rows.taps, count = job.window_scalars / taps, before = job.columns.before;
    if (padded_row < job.rows.before || padded_row - job.rows.before >= job.rows.size) {
        for (size_t k = 0; k < count; ++k) to[k * taps] = T{0};
        return;
    }
    const S* const row = plane + (padded_row - job.rows.before) * job.columns.size;
    size_t first = column >= before ? 0 : before - column;
    size_t last = column >= before + job.columns.size ? 0 : before + job.columns.size - column;
    first = first < count ? first : count;
    last = last < count ? last : count;
    last = last > first ? last : first;
    for (size_t k = 0; k < first; ++k) to[k * taps] = T{0};
    for (size_t k = first; k < last; ++k) to[k * taps] = widen_one(row[column + k - before]);
    for (size_t k = last; k < count; ++k) to[k * taps] = T{0};
}

// Dot products of `rows` neighbouring windows with the filters of a block of channels.
template <class S, class T = Arithmetic<S>>
struct WindowProducts {
    const T* windows;  // of the first position
    size_t channel_scalars;
    size_t position_step, piece_step;  // from window to window, from one column of taps to the next
    size_t channels, pieces, piece;    // runs in a window, and numbers in a run
    const T* filters;
    T* to;  // (position, channel)

    template <size_t rows, size_t vectors>
    __attribute__((noinline)) void run() const {
        constexpr size_t here = 0, width = vectors * kLanes<T>;
        Vector<T> sum[rows][vectors] = {};
        const T* filter = filters;
        for (size_t c = 0; c < channels; ++c)
            for (size_t v = 0; v < pieces; ++v, filter += piece * width)
                add_products(sum, Factors<T>{windows + c * channel_scalars + v * piece_step, position_step},
                             Numbers<T>{filter, piece, width, &here, 1}, width - kLanes<T>);
        CIRCULANT_UNROLL
        for (size_t r = 0; r < rows; ++r)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v) store(to + r * width + v * kLanes<T>, sum[r][v]);
    }
};

// stage (position, channel) -> rows of y, lanes positions and lanes channels at a time.
template <class S, class T = Arithmetic<S>>
void write_transposed(const T* stage, size_t width, size_t positions, size_t channels, size_t plane, S* to) {
    constexpr size_t lanes = kLanes<T>;
    for (size_t o = 0; o < channels; o += lanes)
        for (size_t p = 0; p < positions; p += lanes) {
            Vector<T> rows[lanes];
            CIRCULANT_UNROLL
            for (size_t i = 0; i < lanes; ++i) rows[i] = load(stage + (p + i) * width + o);
            transpose<T>(rows);
            const size_t some = channels - o < lanes ? channels - o : lanes;
            for (size_t i = 0; i < some; ++i) {
                S* const row = to + (o + i) * plane + p;
                if (p + lanes <= positions)
                    narrow(row, rows[i]);
                else
                    narrow_first(row, rows[i], positions - p);
            }
        }
}

// `columns` outputs of one row, one block of channels after another. workspace: the stage.
template <class S, class T = Arithmetic<S>>
void multiply_block(const Im2winJob<S>& job, const T* windows, const T* filters, size_t vectors, size_t columns,
                    T* stage) {
    const Blocks positions(columns, kTileRows);
    const bool apart = job.columns.dilation > 1;
    const size_t taps = job.rows.taps;
    for (size_t p = 0; p < positions.count; ++p) {
        const size_t at = positions.first(p);
        const WindowProducts<S> products = {windows + at * job.columns.stride * taps,
                                            job.window_scalars,
                                            job.columns.stride * taps,
                                            job.columns.dilation * taps,
                                            job.in_channels,
                                            apart ? job.columns.taps : 1,
                                            apart ? taps : taps * job.columns.taps,
                                            filters,
                                            stage + at * vectors * kLanes<T>};
        with_tile(positions.length(p), vectors, products);
    }
}

// The outputs of a tile; its windows lie in the workspace, the stage behind them.
template <class S, class T = Arithmetic<S>>
void multiply_tile(const Im2winJob<S>& job, size_t group, size_t rows, size_t columns, T* workspace, S* to) {
    const size_t plane = job.rows.out_size * job.columns.out_size;
    const size_t terms = job.in_channels * job.rows.taps * job.columns.taps;
    const Blocks blocks = channel_blocks<T>(job.out_channels);
    T* const stage = workspace + job.windows_scalars;
    for (size_t b = 0; b < blocks.count; ++b) {
        const size_t start = blocks.first(b) * kLanes<T>, width = blocks.length(b) * kLanes<T>;
        const size_t left = job.out_channels - start;
        for (size_t i = 0; i < rows; ++i) {
            multiply_block(job, workspace + i * job.in_channels * job.window_scalars,
                           job.filters + group * job.filter_scalars + start * terms, blocks.length(b), columns,
                           stage);
            write_transposed<S>(stage, width, columns, left < width ? left : width, plane,
                                to + start * plane + i * job.columns.out_size);
        }
    }
}

// Tiles first .. last - 1, counted over (image, group, row, column). workspace: windows, then the stage.
template <class S, class T = Arithmetic<S>>
void run_window_tiles(const Im2winJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t tiles = job.row_tiles * job.column_tiles;
    const size_t x_plane = job.rows.size * job.columns.size, y_plane = job.rows.out_size * job.columns.out_size;
    for (size_t item = first; item < last; ++item) {
        const size_t tile = item % tiles, planes = item / tiles;
        const size_t i = tile / job.column_tiles * job.tile_rows, j = tile % job.column_tiles * job.tile_columns;
        const size_t left = job.rows.out_size - i, right = job.columns.out_size - j;
        const size_t rows = left < job.tile_rows ? left : job.tile_rows;
        const size_t columns = right < job.tile_columns ? right : job.tile_columns;
        for (size_t r = 0; r < rows; ++r)
            for (size_t c = 0; c < job.in_channels; ++c)
                for (size_t u = 0; u < job.rows.taps; ++u)
                    interleave_row(job, job.x + (planes * job.in_channels + c) * x_plane,
                                   (i + r) * job.rows.stride + u * job.rows.dilation, j * job.columns.stride,
                                   workspace + (r * job.in_channels + c) * job.window_scalars + u);
        multiply_tile(job, planes % job.groups, rows, columns, workspace,
                      job.y + planes * job.out_channels * y_plane + i * job.columns.out_size + j);
    }
}

}  // namespace circulant::CIRCULANT_ISA
