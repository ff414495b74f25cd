// Inverse of a convolution whose kernel looks back only, by substitution along anti-diagonals.
//
//     y[b, o, p] = sum_{i, m} k[o, i, m] x[b, i, p + m - (taps - 1)]
//
// solved for x, with zeros before x along every axis. At the last tap k[o, o] = 1 and k[o, i] = 0 for
// i > o are taken for granted and not read. The adjoint solves k^T z = g from the other end. y and x are
// (batch, channels, depth, height, width), k (channels, channels, taps...), all contiguous.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"

namespace circulant {

struct InverseConvAxis {
    std::size_t size, taps;
};

struct InverseConvSizes {
    std::size_t batch, channels;
    InverseConvAxis depth, height, width;
    bool adjoint;
    std::size_t images;  // solved together, at most; a workspace grows with them
};

template <class S>
void inverse_conv(const InverseConvSizes& sizes, const S* y, const S* weight, S* x, Execution execution);

}  // namespace circulant
