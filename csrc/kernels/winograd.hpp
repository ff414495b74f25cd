// Dense 3 x 3 convolution (cross-correlation) of stride 1 by Winograd's minimal filtering.
//
//     y = A^T [sum_c (G w[o, c] G^T) . (B^T d[c] B)] A        for each patch of 2 x 2 or 4 x 4 outputs
//
// d being the samples that the patch meets. A patch takes 16 or 36 products for each pair of channels
// instead of 36 or 144; what is not finite reaches every output of its patches. x (batch, in_channels,
// height, width), w (out_channels, in_channels, 3, 3) and y are contiguous; y is written in full.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"
#include "kernels/window_conv.hpp"

namespace circulant {

struct WinogradSizes {
    WindowConvSizes conv;  // of one group; its tiles are counted in patches
    std::size_t patch;     // outputs along each axis: 2 or 4
};

template <class S>
void winograd_conv(const WinogradSizes& sizes, const S* x, const S* weight, S* y, Execution execution);

// Bytes of scratch memory that a call takes for each of its threads.
template <class S>
std::size_t winograd_workspace(const WinogradSizes& sizes);

// Bytes that it takes once: the transformed filters.
template <class S>
std::size_t winograd_filters(const WinogradSizes& sizes);

}  // namespace circulant
