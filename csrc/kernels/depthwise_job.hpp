// What one call of the depthwise convolution tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

namespace circulant {

// A plane copied with zeros around it, its columns sorted by their index modulo `step`, so that a
// strided convolution reads consecutive memory too. Row i, phase r, column q of the copy is the
// plane's row i - before_rows, column q step + r - before_columns.
struct Grid {
    std::size_t height, width;  // of the plane
    std::size_t before_rows, before_columns;
    std::size_t rows, step, phase_width;  // of the copy
    std::size_t row_scalars;              // step * phase_width
};

struct Tap {
    std::size_t offset;  // into the copy, from the place of the result
    std::size_t weight;  // index in the channel's kernel
};

// Results that see the same taps: every row_stride-th row and column_stride-th column of a plane.
struct Piece {
    std::size_t rows, columns;
    std::size_t source, row_step;  // start in the copy, and distance of two rows of results there
    std::size_t first_row, row_stride, first_column, column_stride;  // in the result
    const Tap* taps;
    std::size_t tap_count;
};

// result[b, o] = sum over its sources i of the taps of weight[o, i], gathered from source[b, i].
// Result channel o has `sources` sources from channel o / sharing * sources on.
template <class S>
struct GatherJob {
    Grid grid;
    const Piece* pieces;
    std::size_t piece_count;
    std::size_t stage_scalars;  // scratch for the largest piece
    std::size_t result_channels, source_channels, sources, sharing;
    std::size_t result_height, result_width, kernel_size;
    const S* source;
    const S* weight;
    S* result;
};

// result[o, t] = sum_b sum over positions of g[b, o] times the sample of x[b, o / sharing] at tap t.
template <class S>
struct PlaneCorrelationJob {
    Grid grid;
    const Tap* taps;
    std::size_t tap_count;
    std::size_t row_step;
    std::size_t batch, channels, sharing;  // channels of g
    std::size_t height, width;             // of g
    const S* x;
    const S* g;
    S* result;
};

}  // namespace circulant
