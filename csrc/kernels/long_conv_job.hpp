// What one call of the long convolution tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "core/storage.hpp"
#include "fft/tree.hpp"

namespace circulant {

// Where a row lies among the coefficients of its polynomial: positions offset .. offset + extent - 1
// hold row[(phase + i) mod length], all others zero. extent is below twice the length.
struct Placement {
    std::size_t length, phase, offset, extent;
};

// result[b, c] = the samples from `window` on of source[b, c] times (or correlated with) kernel[c].
template <class S>
struct FilterJob {
    TreeView<Arithmetic<S>> tree;
    std::size_t batch, channels;
    Placement source, kernel;
    std::size_t window;  // a multiple of lanes
    bool correlates;
    const S* source_rows;
    const S* kernel_rows;
    S* result_rows;
};

// result[c] = the first samples of sum_b left[b, c] correlated with right[b, c].
template <class S>
struct CorrelationJob {
    TreeView<Arithmetic<S>> tree;
    std::size_t batch, channels;
    Placement left, right;
    std::size_t result_length;
    const S* left_rows;
    const S* right_rows;
    S* result_rows;
};

}  // namespace circulant
