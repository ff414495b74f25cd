#include "kernels/depthwise_axis.hpp"

namespace circulant {

std::ptrdiff_t AxisPiece::reach() const {
    return static_cast<std::ptrdiff_t>((taps - 1) * dilation) - before;
}

// One result has no stride, one tap no dilation: they are taken as 1.
std::vector<AxisPiece> output_pieces(const DepthwiseAxis& axis) {
    return {{.first = 0,
             .step = 1,
             .count = axis.out_size,
             .stride = axis.out_size == 1 ? 1 : axis.stride,
             .dilation = axis.taps == 1 ? 1 : axis.dilation,
             .taps = axis.taps,
             .before = static_cast<std::ptrdiff_t>(axis.before),
             .weight_first = 0,
             .weight_step = 1}};
}

namespace {

// Input number residue + stride t meets the taps k with k dilation = residue + before modulo the stride,
// at output t + (residue + before - k dilation) / stride. They are taken last to first, so that the
// outputs ascend.
AxisPiece gradient_piece(const DepthwiseAxis& axis, std::size_t residue) {
    AxisPiece piece{.first = residue,
                    .step = axis.stride,
                    .count = (axis.size - residue + axis.stride - 1) / axis.stride,
                    .stride = 1,
                    .dilation = 1,
                    .taps = 0,
                    .before = 0,
                    .weight_first = 0,
                    .weight_step = 0};
    std::size_t last = 0, next_to_last = 0;
    for (std::size_t tap = 0; tap < axis.taps; ++tap) {
        if (tap * axis.dilation % axis.stride != (residue + axis.before) % axis.stride) continue;
        next_to_last = last;
        last = tap;
        ++piece.taps;
    }
    if (piece.taps == 0) return piece;
    if (piece.taps > 1) {
        piece.weight_step = -static_cast<std::ptrdiff_t>(last - next_to_last);
        piece.dilation = (last - next_to_last) * axis.dilation / axis.stride;
    }
    piece.weight_first = static_cast<std::ptrdiff_t>(last);
    piece.before = (static_cast<std::ptrdiff_t>(last * axis.dilation) -
                    static_cast<std::ptrdiff_t>(residue + axis.before)) /
                   static_cast<std::ptrdiff_t>(axis.stride);
    return piece;
}

}  // namespace

std::vector<AxisPiece> gradient_pieces(const DepthwiseAxis& axis) {
    std::vector<AxisPiece> pieces;
    for (std::size_t residue = 0; residue < axis.stride && residue < axis.size; ++residue)
        pieces.push_back(gradient_piece(axis, residue));
    return pieces;
}

}  // namespace circulant
