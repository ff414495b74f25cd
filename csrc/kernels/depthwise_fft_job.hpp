// What one call of the depthwise convolution by FFT tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "core/storage.hpp"
#include "fft/tree.hpp"

namespace circulant {

// Neighbours along an axis, `step` apart in the long row.
struct FlatAxis {
    std::size_t count, step;
};

// Where the samples of a volume lie in the long row: origin + i step0 + j step1 + k step2.
struct Flat {
    std::size_t origin;
    FlatAxis axes[3];
    std::size_t extent;  // positions up to the last sample, and with it
};

// result[b, c] = source[b, c] correlated with weight[c], or convolved.
template <class S>
struct FlatFilterJob {
    TreeView<Arithmetic<S>> tree;
    std::size_t batch, channels, samples;
    Flat source, weight, result;
    bool correlates;
    const S* source_volumes;
    const S* weight_volumes;
    S* result_volumes;
};

// gw[c] = sum_b x[b, c] correlated with g[b, c].
template <class S>
struct FlatCorrelationJob {
    TreeView<Arithmetic<S>> tree;
    std::size_t batch, channels, samples;
    Flat x, g, weight;
    const S* x_volumes;
    const S* g_volumes;
    S* weight_volumes;
};

}  // namespace circulant
