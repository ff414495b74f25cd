// How a window moves along one axis of its input.
#pragma once

#include <cstddef>

namespace circulant {

// Output number i meets, with tap number t, the sample i stride + t dilation - before.
struct WindowAxis {
    std::size_t size, out_size, taps, stride, dilation, before;
};

// Samples from the first tap to the last, without the first.
[[gnu::always_inline]] inline std::size_t span(const WindowAxis& axis) { return axis.dilation * (axis.taps - 1); }

// Outputs are computed in tiles: of `size` outputs along an axis, the last one shorter.
[[gnu::always_inline]] inline std::size_t tile_count(std::size_t outputs, std::size_t size) {
    return (outputs + size - 1) / size;
}

}  // namespace circulant
