// Tiles of a residual block, all layers of one before the next.
#pragma once

#include "core/convert.hpp"
#include "core/exponential.hpp"
#include "kernels/fused_block_job.hpp"
#include "kernels/strip_rows.hpp"
#include "kernels/tap_tile.hpp"

namespace circulant::CIRCULANT_ISA {

struct Identity {
    template <class T>
    CIRCULANT_INLINE static Vector<T> of(Vector<T> value) {
        return value;
    }
};

struct Relu {
    template <class T>
    CIRCULANT_INLINE static Vector<T> of(Vector<T> value) {
        return value < Vector<T>{} ? Vector<T>{} : value;  // NaN stays
    }
};

struct Relu6 {
    template <class T>
    CIRCULANT_INLINE static Vector<T> of(Vector<T> value) {
        const Vector<T> six = Vector<T>{} + T{6};
        return value > six ? six : Relu::of<T>(value);
    }
};

struct Silu {
    template <class T>
    CIRCULANT_INLINE static Vector<T> of(Vector<T> value) {
        return value / (exp<T>(-value) + T{1});
    }
};

// A block of channels of a layer at a piece of its positions: to[r][v] = activation(bias[r] + sums).
template <class Activation, class T>
struct LayerPiece {
    Numbers<T> numbers;
    Factors<T> factors;
    const T* bias;
    T* to;
    size_t to_stride;

    template <size_t rows, size_t vectors>
    __attribute__((noinline)) void run() const {
        Vector<T> sum[rows][vectors];
        CIRCULANT_UNROLL
        for (size_t r = 0; r < rows; ++r)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v) sum[r][v] = Vector<T>{} + bias[r];
        add_products(sum, factors, numbers, (vectors - 1) * kLanes<T>);
        CIRCULANT_UNROLL
        for (size_t r = 0; r < rows; ++r)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v)
                store(to + r * to_stride + v * kLanes<T>, Activation::template of<T>(sum[r][v]));
    }
};

// `channels` channels of a layer at `vectors` vectors of positions, one block of channels after another.
template <class Activation, class T>
CIRCULANT_INLINE void run_layer(LayerPiece<Activation, T> piece, size_t channels, size_t vectors) {
    const Blocks blocks(channels, kTileRows);
    const LayerPiece<Activation, T> first = piece;
    for (size_t b = 0; b < blocks.count; ++b) {
        const size_t channel = blocks.first(b);
        piece.factors.first = first.factors.first + channel * first.factors.row_stride;
        piece.bias = first.bias + channel;
        piece.to = first.to + channel * first.to_stride;
        with_tile(blocks.length(b), vectors, piece);
    }
}

// h of a tile, from the strip of x. Vectors reach behind the end of a row, where the next row is written
// after it.
template <class S, class T = Arithmetic<S>>
void convolve_tile(const FusedBlockJob<S>& job, const T* strip, size_t rows, size_t columns, T* h) {
    const FusedBlockSizes& s = job.sizes;
    const size_t width = s.channels / s.groups, tap_count = s.taps * s.taps, terms = width * tap_count;
    const Blocks pieces((columns + kLanes<T> - 1) / kLanes<T>, kTileVectors);
    for (size_t group = 0; group < s.groups; ++group) {
        const size_t channel = group * width;
        for (size_t i = 0; i < rows; ++i)
            for (size_t p = 0; p < pieces.count; ++p) {
                const size_t at = pieces.first(p) * kLanes<T>;
                const T* const from = strip + channel * job.strip_scalars + i * job.strip.row_scalars() + at;
                run_layer<Identity, T>({{from, width, job.strip_scalars, job.taps, tap_count},
                                        {job.weights.conv + channel * terms, terms},
                                        job.weights.conv_bias + channel,
                                        h + channel * job.position_scalars + i * columns + at,
                                        job.position_scalars},
                                       width, pieces.length(p));
            }
    }
}

// project activation(expand h), some positions at a time; y takes the place of h.
template <class Activation, class S, class T = Arithmetic<S>>
void expand_and_project(const FusedBlockJob<S>& job, size_t positions, T* h, T* expanded) {
    constexpr size_t here = 0, chunk = kTileVectors * kLanes<T>;
    const FusedBlockSizes& s = job.sizes;
    const Blocks pieces((positions + kLanes<T> - 1) / kLanes<T>, kTileVectors);
    for (size_t p = 0; p < pieces.count; ++p) {
        T* const at = h + pieces.first(p) * kLanes<T>;
        run_layer<Activation, T>({{at, s.channels, job.position_scalars, &here, 1},
                                  {job.weights.expand, s.channels},
                                  job.weights.expand_bias,
                                  expanded,
                                  chunk},
                                 s.expanded, pieces.length(p));
        run_layer<Identity, T>({{expanded, s.expanded, chunk, &here, 1},
                                {job.weights.project, s.expanded},
                                job.weights.project_bias,
                                at,
                                job.position_scalars},
                               s.channels, pieces.length(p));
    }
}

template <class S, class T = Arithmetic<S>>
void add_residual(const T* residual, const T* from, size_t columns, S* to) {
    size_t j = 0;
    for (; j + kLanes<T> <= columns; j += kLanes<T>) narrow(to + j, load(residual + j) + load(from + j));
    for (; j < columns; ++j) to[j] = narrow_one<S>(residual[j] + from[j]);
}

// Tiles first .. last - 1, counted over (image, row, column).
// workspace: the strip of x, then h and y of a tile, then expanded values.
template <class Activation, class S, class T = Arithmetic<S>>
void run_block_tiles(const FusedBlockJob<S>& job, size_t first, size_t last, T* workspace) {
    const FusedBlockSizes& s = job.sizes;
    const size_t tiles = job.row_tiles * job.column_tiles, plane = s.height * s.width, centre = s.taps / 2;
    T* const h = workspace + s.channels * job.strip_scalars;
    T* const expanded = h + s.channels * job.position_scalars;
    for (size_t item = first; item < last; ++item) {
        const size_t tile = item % tiles, planes = item / tiles * s.channels;
        const size_t i = tile / job.column_tiles * s.tile_rows, j = tile % job.column_tiles * s.tile_columns;
        const size_t rows = s.height - i < s.tile_rows ? s.height - i : s.tile_rows;
        const size_t columns = s.width - j < s.tile_columns ? s.width - j : s.tile_columns;
        for (size_t c = 0; c < s.channels; ++c)
            fill_strip(job.strip, job.x + (planes + c) * plane, i, rows + s.taps - 1, j, T{0},
                       workspace + c * job.strip_scalars);
        convolve_tile(job, workspace, rows, columns, h);
        expand_and_project<Activation>(job, rows * columns, h, expanded);
        for (size_t c = 0; c < s.channels; ++c)
            for (size_t r = 0; r < rows; ++r)
                add_residual(workspace + c * job.strip_scalars + (r + centre) * job.strip.row_scalars() + centre,
                             h + c * job.position_scalars + r * columns,
                             columns, job.y + (planes + c) * plane + (i + r) * s.width + j);
    }
}

template <class S>
void run_tiles_of_block(const FusedBlockJob<S>& job, size_t first, size_t last, Arithmetic<S>* workspace) {
    switch (job.sizes.activation) {
        case BlockActivation::relu: return run_block_tiles<Relu>(job, first, last, workspace);
        case BlockActivation::relu6: return run_block_tiles<Relu6>(job, first, last, workspace);
        case BlockActivation::silu: return run_block_tiles<Silu>(job, first, last, workspace);
    }
}

template <class S>
void widen_weights(const S* from, size_t count, Arithmetic<S>* to) {
    widen_row(from, count, to);
}

}  // namespace circulant::CIRCULANT_ISA
