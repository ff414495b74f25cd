// What one call of the long convolution tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "core/storage.hpp"
#include "fft/tree.hpp"

namespace circulant {

// Where a row lies among the positions of its polynomial: offset .. offset + extent - 1 hold
// row[(phase + i) mod length], all others zero.
struct Placement {
    std::size_t length, phase, offset, extent;
};

// Which samples of a row one polynomial holds: position i < extent is row[start + i], zero outside the
// row unless it wraps around.
struct Stretch {
    std::ptrdiff_t start;
    std::size_t extent;
    bool wraps;
};

// A row is cut into pieces of `fresh` samples, the last one may be shorter: one transform for each, of a
// stretch that moves on with the piece.
struct Pieces {
    std::size_t length, fresh, count;
};

// result[b, c] = for each piece the samples from `window` on of its stretch of source[b, c] times (or
// correlated with) kernel[c].
template <class S>
struct FilterJob {
    TreeView<Arithmetic<S>> tree;
    std::size_t batch, channels;
    Pieces pieces;
    Stretch source;
    Placement kernel;
    std::size_t window;  // a multiple of lanes
    bool correlates;
    const S* source_rows;
    const S* kernel_rows;
    S* result_rows;
    std::size_t skip_tap;  // position of the tap that a skip is added to
    const S* skip;         // one for each channel, or null
    const S* gate_in;      // like source_rows, or null
    const S* gate_out;     // like result_rows, or null
    const Arithmetic<S>* spectra;  // of all kernels, found before, or null
};

// gk[c] = the first samples of the sum, over b and pieces, of g[b, c] correlated with x[b, c]; gx[b, c] =
// g[b, c] correlated with kernel[c], piece by piece, unless gx is null.
template <class S>
struct GradientJob {
    TreeView<Arithmetic<S>> tree;
    std::size_t batch, channels;
    Pieces pieces;  // of x
    Stretch g;
    Placement kernel;
    const S* x_rows;
    const S* g_rows;
    const S* kernel_rows;
    S* gx_rows;
    S* gk_rows;
};

}  // namespace circulant
