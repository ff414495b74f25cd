// Dense and grouped 1-D and 2-D convolution (cross-correlation) over windows laid out row by row.
//
//     y[b, o, i, j] = sum_{c, u, v} w[o, c, u, v] x[b, g(o) + c, i stride + u dilation - before, ...]
//
// For output row i the rows of x that its windows meet are interleaved: window[c][k taps + u] is row u at
// padded column k. A window is then one run of numbers, or one for each column of taps where columns are
// dilated, and neighbouring windows share most of it. Results are dot products of runs with filters laid
// out alike. x (batch, groups in_channels, height, width), w (groups out_channels, in_channels, taps) and
// y are contiguous; y is written in full.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"
#include "kernels/window_conv.hpp"

namespace circulant {

template <class S>
void im2win_conv(const WindowConvSizes& sizes, const S* x, const S* weight, S* y, Execution execution);

// Bytes of scratch memory that a call takes for each of its threads.
template <class S>
std::size_t im2win_workspace(const WindowConvSizes& sizes);

// Bytes that it takes once: the filters, laid out as the windows are.
template <class S>
std::size_t im2win_filters(const WindowConvSizes& sizes);

}  // namespace circulant
