// Depthwise convolution of whole planes, register blocked: a tile of results stays in registers while
// every tap adds its weight times the samples it meets.
#pragma once

#include "core/convert.hpp"
#include "kernels/depthwise_job.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
constexpr size_t whole_vectors(size_t columns) {
    return (columns + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

// Columns of the plane that one phase of one row of the copy holds; the rest of it is zero.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void fill_phase(const Grid& grid, const S* row, size_t phase, T* to) {
    const size_t step = grid.step, before = grid.before_columns;
    const size_t first = phase >= before ? 0 : (before - phase + step - 1) / step;
    const size_t end_column = grid.width + before;  // in padded columns
    size_t end = end_column <= phase ? 0 : (end_column - phase + step - 1) / step;
    end = end < grid.phase_width ? end : grid.phase_width;
    for (size_t q = 0; q < first && q < grid.phase_width; ++q) to[q] = T{0};
    if (step == 1 && first < end)
        widen_row(row + first - before, end - first, to + first);
    else
        for (size_t q = first; q < end; ++q) to[q] = widen_one(row[q * step + phase - before]);
    for (size_t q = first < end ? end : first; q < grid.phase_width; ++q) to[q] = T{0};
}

template <class S, class T = Arithmetic<S>>
void fill_grid(const Grid& grid, const S* plane, T* copy) {
    for (size_t i = 0; i < grid.rows; ++i) {
        T* const row = copy + i * grid.row_scalars;
        if (i < grid.before_rows || i - grid.before_rows >= grid.height) {
            __builtin_memset(row, 0, grid.row_scalars * sizeof(T));
            continue;
        }
        for (size_t phase = 0; phase < grid.step; ++phase)
            fill_phase(grid, plane + (i - grid.before_rows) * grid.width, phase,
                       row + phase * grid.phase_width);
    }
}

// stage += taps over a tile of `rows` rows and `vectors` vectors.
template <size_t rows, size_t vectors, class T>
void add_taps(const Piece& piece, const T* weight, const T* source, T* stage, size_t stage_row) {
    Vector<T> total[rows][vectors];
    CIRCULANT_UNROLL
    for (size_t i = 0; i < rows; ++i)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) total[i][v] = load(stage + i * stage_row + v * kLanes<T>);
    for (size_t t = 0; t < piece.tap_count; ++t) {
        const T* const from = source + piece.taps[t].offset;
        const T factor = weight[piece.taps[t].weight];
        CIRCULANT_UNROLL
        for (size_t i = 0; i < rows; ++i)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v)
                total[i][v] += load(from + i * piece.row_step + v * kLanes<T>) * factor;
    }
    CIRCULANT_UNROLL
    for (size_t i = 0; i < rows; ++i)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) store(stage + i * stage_row + v * kLanes<T>, total[i][v]);
}

// One strip of `vectors` vectors, top to bottom.
template <size_t rows, size_t vectors, class T>
void add_strip(const Piece& piece, const T* weight, const T* source, T* stage, size_t stage_row) {
    size_t i = 0;
    for (; i + rows <= piece.rows; i += rows)
        add_taps<rows, vectors>(piece, weight, source + i * piece.row_step, stage + i * stage_row, stage_row);
    for (; i < piece.rows; ++i)
        add_taps<1, vectors>(piece, weight, source + i * piece.row_step, stage + i * stage_row, stage_row);
}

// Half of the registers hold results in each tile.
inline constexpr size_t kTile = CIRCULANT_VECTOR_BYTES == 64 ? 16 : 8;

template <class T>
void add_piece(const Piece& piece, const T* weight, const T* source, T* stage) {
    const size_t stage_row = whole_vectors<T>(piece.columns);
    const T* const from = source + piece.source;
    size_t at = 0;
    for (; at + 4 * kLanes<T> <= stage_row; at += 4 * kLanes<T>)
        add_strip<kTile / 4, 4>(piece, weight, from + at, stage + at, stage_row);
    for (; at + 2 * kLanes<T> <= stage_row; at += 2 * kLanes<T>)
        add_strip<kTile / 2, 2>(piece, weight, from + at, stage + at, stage_row);
    for (; at < stage_row; at += kLanes<T>)
        add_strip<kTile / 2, 1>(piece, weight, from + at, stage + at, stage_row);
}

template <class S, class T = Arithmetic<S>>
void store_piece(const Piece& piece, const T* stage, S* plane, size_t plane_width) {
    const size_t stage_row = whole_vectors<T>(piece.columns);
    for (size_t i = 0; i < piece.rows; ++i) {
        const T* const from = stage + i * stage_row;
        S* const to = plane + (piece.first_row + i * piece.row_stride) * plane_width + piece.first_column;
        if (piece.column_stride == 1)
            narrow_row(from, piece.columns, to);
        else
            for (size_t j = 0; j < piece.columns; ++j) to[j * piece.column_stride] = narrow_one<S>(from[j]);
    }
}

// Result planes first .. last - 1, counted over (image, channel).
// workspace: `sources` copies of a source plane, as many kernels, then the stage.
template <class S, class T = Arithmetic<S>>
void gather_planes(const GatherJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t copy_scalars = job.grid.rows * job.grid.row_scalars;
    T* const weight = workspace + job.sources * copy_scalars;
    T* const stage = weight + job.sources * job.kernel_size;
    const size_t source_plane = job.grid.height * job.grid.width;
    for (size_t result = first; result < last; ++result) {
        const size_t image = result / job.result_channels, channel = result % job.result_channels;
        const size_t source = image * job.source_channels + channel / job.sharing * job.sources;
        if (result == first || channel % job.sharing == 0)
            for (size_t s = 0; s < job.sources; ++s)
                fill_grid(job.grid, job.source + (source + s) * source_plane, workspace + s * copy_scalars);
        widen_row(job.weight + channel * job.sources * job.kernel_size, job.sources * job.kernel_size, weight);
        S* const plane = job.result + result * job.result_height * job.result_width;
        for (const Piece* piece = job.pieces; piece != job.pieces + job.piece_count; ++piece) {
            __builtin_memset(stage, 0, piece->rows * whole_vectors<T>(piece->columns) * sizeof(T));
            for (size_t s = 0; s < job.sources; ++s)
                add_piece(*piece, weight + s * job.kernel_size, workspace + s * copy_scalars, stage);
            store_piece(*piece, stage, plane, job.result_width);
        }
    }
}

// Rows of g, each followed by zeros up to a whole vector.
template <class S, class T = Arithmetic<S>>
void stage_gradient(const PlaneCorrelationJob<S>& job, const S* g, T* stage) {
    const size_t stage_row = whole_vectors<T>(job.width);
    for (size_t i = 0; i < job.height; ++i) {
        store(stage + (i + 1) * stage_row - kLanes<T>, Vector<T>{});
        widen_row(g + i * job.width, job.width, stage + i * stage_row);
    }
}

// result[t] += sum over the plane of g times the sample at tap t, for `count` taps together.
template <size_t count, class S, class T = Arithmetic<S>>
void add_correlation(const PlaneCorrelationJob<S>& job, const Tap* taps, const T* copy, const T* stage,
                     T* result) {
    constexpr size_t lanes = kLanes<T>;
    const size_t stage_row = whole_vectors<T>(job.width), rest = job.width % lanes;
    Vector<T> total[count] = {};
    for (size_t i = 0; i < job.height; ++i) {
        const T* const from = copy + i * job.row_step;
        const T* const row = stage + i * stage_row;
        for (size_t j = 0; j + lanes <= job.width; j += lanes) {
            const Vector<T> gradient = load(row + j);
            CIRCULANT_UNROLL
            for (size_t t = 0; t < count; ++t) total[t] += gradient * load(from + taps[t].offset + j);
        }
        if (rest == 0) continue;
        const Vector<T> gradient = load(row + job.width - rest);
        CIRCULANT_UNROLL
        for (size_t t = 0; t < count; ++t)
            total[t] += gradient * keep_first<T>(load(from + taps[t].offset + job.width - rest), rest);
    }
    for (size_t t = 0; t < count; ++t) result[taps[t].weight] += sum_lanes<T>(total[t]);
}

// Channels first .. last - 1 of g; the batch is summed in the same order whatever the threads.
// workspace: one copy of a plane of x, the sums of the taps, then the staged rows of g.
template <class S, class T = Arithmetic<S>>
void correlate_planes(const PlaneCorrelationJob<S>& job, size_t first, size_t last, T* workspace) {
    constexpr size_t together = 8;
    T* const result = workspace + job.grid.rows * job.grid.row_scalars;
    T* const stage = result + job.tap_count;
    const size_t x_channels = job.channels / job.sharing, x_plane = job.grid.height * job.grid.width;
    for (size_t channel = first; channel < last; ++channel) {
        for (size_t t = 0; t < job.tap_count; ++t) result[t] = T{0};
        for (size_t image = 0; image < job.batch; ++image) {
            stage_gradient(job, job.g + (image * job.channels + channel) * job.height * job.width, stage);
            fill_grid(job.grid, job.x + (image * x_channels + channel / job.sharing) * x_plane, workspace);
            size_t t = 0;
            for (; t + together <= job.tap_count; t += together)
                add_correlation<together>(job, job.taps + t, workspace, stage, result);
            for (; t < job.tap_count; ++t) add_correlation<1>(job, job.taps + t, workspace, stage, result);
        }
        narrow_row(result, job.tap_count, job.result + channel * job.tap_count);
    }
}

}  // namespace circulant::CIRCULANT_ISA
