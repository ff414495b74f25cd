// Dense and grouped 1-D and 2-D convolution (cross-correlation) as a sum of sliding windows.
//
//     y[b, o, i, j] = sum_{c, u, v} w[o, c, u, v] x[b, g(o) + c, i stride + u dilation - before, ...]
//
// with x zero outside its plane. No window is ever copied out: outputs stay in registers while the
// windows slide over a strip of the input, or over the input itself. x (batch, groups in_channels,
// height, width), w (groups out_channels, in_channels, taps) and y are contiguous; y is written in full.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"
#include "kernels/window_conv.hpp"

namespace circulant {

template <class S>
void sliding_conv(const WindowConvSizes& sizes, const S* x, const S* weight, S* y, Execution execution);

// Bytes of scratch memory that a call takes for each of its threads.
template <class S>
std::size_t sliding_conv_workspace(const WindowConvSizes& sizes);

}  // namespace circulant
