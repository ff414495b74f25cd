// Long convolution of rows, whole or piece by piece, by one transform each.
#pragma once

#include "kernels/transform_rows.hpp"

namespace circulant::CIRCULANT_ISA {

inline constexpr size_t kAheadSamples = 65536;  // a longer row would push the transform out of its cache

// Where the stretch of a piece lies in a row of that length.
inline Placement placed(const Stretch& stretch, const Pieces& pieces, size_t piece) {
    const auto length = static_cast<ptrdiff_t>(pieces.length);
    const ptrdiff_t start = stretch.start + static_cast<ptrdiff_t>(piece * pieces.fresh);
    if (stretch.wraps) {
        const ptrdiff_t phase = (start % length + length) % length;
        return {pieces.length, static_cast<size_t>(phase), 0, stretch.extent};
    }
    const size_t offset = start < 0 ? static_cast<size_t>(-start) : 0;
    const size_t phase = start < 0 ? 0 : static_cast<size_t>(start);
    if (offset >= stretch.extent || phase >= pieces.length) return {pieces.length, 0, 0, 0};
    const size_t wanted = stretch.extent - offset, left = pieces.length - phase;
    return {pieces.length, phase, offset, wanted < left ? wanted : left};
}

// Samples of a piece.
inline size_t fresh_of(const Pieces& pieces, size_t piece) {
    const size_t left = pieces.length - piece * pieces.fresh;
    return left < pieces.fresh ? left : pieces.fresh;
}

// Pieces are counted channel by channel, so that a kernel is transformed once for its batch.
struct PieceAt {
    size_t channel, piece, row;  // row: where the row starts

    template <class Job>
    PieceAt(const Job& job, size_t index)
        : channel(index / (job.batch * job.pieces.count)),
          piece(index % job.pieces.count),
          row((index / job.pieces.count % job.batch * job.channels + channel) * job.pieces.length) {}
};

// Samples of one row to read and of another to write, one piece of each.
template <class Job, class S>
Ahead piece_ahead(const Job& job, const S* read, const S* written) {
    if (job.tree.size > kAheadSamples || sizeof(S) != sizeof(Arithmetic<S>)) return {};
    return {reinterpret_cast<const char*>(read), reinterpret_cast<const char*>(written),
            job.pieces.fresh * sizeof(S)};
}

template <class S, class T = Arithmetic<S>>
void transform_kernel(const FilterJob<S>& job, size_t channel, T* values) {
    const T scale = inverse_of_size(job.tree);
    RowSource<S> kernel{job.kernel_rows + channel * job.kernel.length, job.kernel, nullptr, scale};
    if (job.skip != nullptr) {
        kernel.addend_at = job.skip_tap;
        kernel.addend = widen_one(job.skip[channel]) * scale;
    }
    transform_row(job.tree, kernel, values);
}

// Of channels first .. last - 1, one after another.
template <class S, class T = Arithmetic<S>>
void transform_kernels(const FilterJob<S>& job, size_t first, size_t last, T* spectra) {
    for (size_t channel = first; channel < last; ++channel)
        transform_kernel(job, channel, spectra + channel * buffer_scalars(job.tree));
}

// Pieces first .. last - 1 of all rows. workspace: two buffers.
template <class S, class T = Arithmetic<S>>
void filter_pieces(const FilterJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t scalars = buffer_scalars(job.tree);
    T* const data = workspace + scalars;
    size_t transformed = job.channels;
    for (size_t index = first; index < last; ++index) {
        const PieceAt at(job, index);
        if (job.spectra == nullptr && at.channel != transformed) transform_kernel(job, at.channel, workspace);
        transformed = at.channel;
        const T* const values = job.spectra == nullptr ? workspace : job.spectra + at.channel * scalars;
        const size_t result = at.row + at.piece * job.pieces.fresh;
        const S* const gate_in = job.gate_in == nullptr ? nullptr : job.gate_in + at.row;
        const S* const gate_out = job.gate_out == nullptr ? nullptr : job.gate_out + result;
        const Placement place = placed(job.source, job.pieces, at.piece);
        take_in_row(job.tree, RowSource<S>{job.source_rows + at.row, place, gate_in}, data);
        Ahead ahead{};
        if (index + 1 < last) {
            const PieceAt next(job, index + 1);
            const S* const read = job.source_rows + next.row + next.piece * job.pieces.fresh;
            ahead = piece_ahead(job, read, job.result_rows + result);
        }
        if (job.correlates)
            walk(job.tree, data, Multiply<T, true>{values, ahead});
        else
            walk(job.tree, data, Multiply<T, false>{values, ahead});
        const size_t count = fresh_of(job.pieces, at.piece);
        give_out_row(job.tree, data, RowSink<S>{job.result_rows + result, job.window, count, gate_out});
    }
}

// Buffers of the gradients' walk; kernel may be null.
template <class T>
struct GradientBuffers {
    T *total, *x, *g, *kernel;
};

// One piece's share of the sum for gk, and its gx. next: the samples of x that come after, or null.
template <class S, class T = Arithmetic<S>>
void add_piece(const GradientJob<S>& job, const PieceAt& at, const S* next, const GradientBuffers<T>& buffers) {
    const size_t start = at.piece * job.pieces.fresh, count = fresh_of(job.pieces, at.piece);
    const S* const g = job.g_rows + at.row;
    S* const gx = job.gx_rows == nullptr ? nullptr : job.gx_rows + at.row + start;
    const Placement x_place = {job.pieces.length, start, 0, count};
    take_in_row(job.tree, RowSource<S>{job.x_rows + at.row, x_place, nullptr, inverse_of_size(job.tree)},
                buffers.x);
    walk(job.tree, buffers.x, Evaluate<T>{piece_ahead(job, g + start, gx == nullptr ? g + start : gx)});
    take_in_row(job.tree, RowSource<S>{g, placed(job.g, job.pieces, at.piece)}, buffers.g);
    const Ahead ahead = next == nullptr ? Ahead{} : piece_ahead(job, next, next);
    if (gx == nullptr) {
        walk(job.tree, buffers.g, Correlate<T>{buffers.x, buffers.total, ahead});
    } else {
        walk(job.tree, buffers.g, CorrelateAndMultiply<T>{buffers.x, buffers.kernel, buffers.total, ahead});
        give_out_row(job.tree, buffers.g, RowSink<S>{gx, 0, count});
    }
}

// Channels first .. last - 1; the batch is summed in the same order whatever the threads.
// workspace: four buffers, or three without gx.
template <class S, class T = Arithmetic<S>>
void gradients_of_channels(const GradientJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t scalars = buffer_scalars(job.tree), taps = job.kernel.length;
    const GradientBuffers<T> buffers{workspace, workspace + scalars, workspace + 2 * scalars,
                                     workspace + 3 * scalars};
    for (size_t channel = first; channel < last; ++channel) {
        __builtin_memset(buffers.total, 0, scalars * sizeof(T));
        if (job.gx_rows != nullptr) {
            const S* const kernel = job.kernel_rows + channel * taps;
            const T scale = inverse_of_size(job.tree);
            transform_row(job.tree, RowSource<S>{kernel, job.kernel, nullptr, scale}, buffers.kernel);
        }
        const size_t pieces = job.batch * job.pieces.count;
        for (size_t index = channel * pieces; index < (channel + 1) * pieces; ++index) {
            const PieceAt next(job, index + 1);
            const S* const x = job.x_rows + next.row + next.piece * job.pieces.fresh;
            add_piece(job, PieceAt(job, index), index + 1 < last * pieces ? x : nullptr, buffers);
        }
        walk(job.tree, buffers.total, Interpolate<T>{});
        give_out_row(job.tree, buffers.total, RowSink<S>{job.gk_rows + channel * taps, 0, taps});
    }
}

}  // namespace circulant::CIRCULANT_ISA
