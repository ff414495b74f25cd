// What one call of the depthwise convolution tells the units compiled per instruction set: plain data.
//
// Results are computed in vectors of neighbours in a row, many rows of such a strip at a time. A series
// is taken as a plane whose rows are one vector long: row r of it holds samples r lanes and up.
#pragma once

#include <cstddef>

namespace circulant {

// Of one column that are added together: as many weights as registers are left beside the results.
inline constexpr std::size_t kMostTaps = 7;

struct TapColumn {
    std::ptrdiff_t offset;  // into the window, from the place of the result
    std::ptrdiff_t weight;  // index of the uppermost tap in the channel's kernel
};

// Columns of `height` taps, so far apart that the sample under a tap of one result is the sample under
// the next tap of the result one place up: it is loaded once for all of them.
struct TapRun {
    std::size_t height;
    std::ptrdiff_t row;  // of the source, under the uppermost tap of result row 0
    std::ptrdiff_t weight_pitch;
    const TapColumn* columns;
    std::size_t count;
};

// Results that see the same taps: row first_row + row_step t and column first_column + column_step j
// of a plane. Results t of the same residue modulo `classes` share rows of the source: those of result
// residue + classes i start at row residue class_rows + source_step i.
struct Piece {
    std::size_t rows, columns;
    std::size_t first_row, row_step, first_column, column_step;
    std::size_t classes;
    std::ptrdiff_t class_rows, source_step;
    const TapRun* runs;
    std::size_t run_count;
};

// Rows row .. row_end - 1 and strips strip .. strip_end - 1 of every piece, and where the part of the
// source starts that they read.
struct Block {
    std::size_t row, row_end, strip, strip_end;
    std::ptrdiff_t window_row;
    std::size_t window_rows;       // where it is staged
    std::ptrdiff_t window_column;  // may lie before the source
};

// The results of one piece inside one block.
struct Part {
    std::size_t row, row_end, strip, strip_end;
    std::size_t columns;  // from the first strip on, in a series from the first row on
    std::size_t place;    // of the first result in its plane
};

// A plane of the source, and the first weight of the plane of the kernel that meets it.
struct Layer {
    std::size_t plane;
    std::ptrdiff_t weight;
};

// A plane of results, and the planes of the source that are staged before it, if they are not yet.
struct Slice {
    std::size_t plane;
    const Layer* layers;
    std::size_t layer_count;
    std::size_t stage_first, stage_end;
};

struct DepthwiseLayout {
    bool is_series;
    std::size_t source_depth, source_height, source_width;
    std::size_t result_depth, result_height, result_width;
    std::size_t kernel_size;

    // Strips of a plane, or rows of a series, all of whose samples lie inside the source. Around them the
    // samples that do not are masked, or the whole source is staged: copied with zeros around it. Then
    // every strip counts as inside.
    std::size_t inside_first, inside_end;
    bool is_staged;

    // A staged row holds its columns sorted by their index modulo `phases`, so that a strided
    // convolution reads consecutive memory too.
    std::size_t phases, phase_width;
    std::size_t window_scalars;  // one staged plane of the largest block
    std::size_t ring;            // staged planes kept at a time

    // Results are one sum each and are written where they belong; others are added up elsewhere first.
    bool is_in_place;
    std::size_t block_scalars;  // results of the largest block that are not in place

    const Piece* pieces;
    std::size_t piece_count;
    const Block* blocks;
    std::size_t block_count;
    const Part* parts;  // for each block, of each piece
    const Slice* slices;
    std::size_t slice_count;
};

// Groups of source volumes, each with `sources` of them, and `results` volumes of results, which are
// sums over the sources. Of the two one is 1.
template <class S>
struct GatherJob {
    DepthwiseLayout layout;
    std::size_t channels, sources, results;
    const S* source;
    const S* weight;
    S* result;
};

// result[channel] = sum over the batch of g times the samples of x that each tap meets; each of the
// `channels` channels of x meets `results` of g. `together` channels are worked on at a time, so that
// the memory read next is the memory beside.
template <class S>
struct CorrelationJob {
    DepthwiseLayout layout;
    std::size_t batch, channels, results, together;
    const S* x;
    const S* g;
    S* result;
};

}  // namespace circulant
