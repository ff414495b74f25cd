// One axis of a depthwise convolution, seen from its results.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/depthwise_conv.hpp"

namespace circulant {

// Results number first + step t, t < count. Each is the sum over tap < taps of the weight number
// weight_first + tap weight_step times the sample number t stride + tap dilation - before.
struct AxisPiece {
    std::size_t first, step, count;
    std::size_t stride, dilation, taps;
    std::ptrdiff_t before;
    std::ptrdiff_t weight_first, weight_step;

    // Of the last tap, from the first result's place.
    std::ptrdiff_t reach() const;
};

// The output from the input.
std::vector<AxisPiece> output_pieces(const DepthwiseAxis& axis);

// The input's gradient from the output's: one piece for each residue modulo the stride, whose results
// meet the same taps. A piece may have no taps; no piece is empty.
std::vector<AxisPiece> gradient_pieces(const DepthwiseAxis& axis);

}  // namespace circulant
