// Outputs of a window that moves over a plane, and the samples that each meets, by definition.
#pragma once

#include "kernels/window.hpp"

namespace circulant::tests {

inline WindowAxis axis(std::size_t size, std::size_t taps, std::size_t stride, std::size_t dilation,
                       std::size_t before, std::size_t after) {
    const std::size_t out = (size + before + after - dilation * (taps - 1) - 1) / stride + 1;
    return {size, out, taps, stride, dilation, before};
}

// call(i, j) for every output, row by row.
template <class Call>
void for_each_output(const WindowAxis& rows, const WindowAxis& columns, const Call& call) {
    for (std::size_t i = 0; i < rows.out_size; ++i)
        for (std::size_t j = 0; j < columns.out_size; ++j) call(i, j);
}

// call(index in the plane, number of the tap) for every tap of output (i, j) that lies in the plane.
template <class Call>
void for_each_tap(const WindowAxis& rows, const WindowAxis& columns, std::size_t i, std::size_t j,
                  const Call& call) {
    for (std::size_t u = 0; u < rows.taps; ++u)
        for (std::size_t v = 0; v < columns.taps; ++v) {
            const std::size_t row = i * rows.stride + u * rows.dilation - rows.before;
            const std::size_t column = j * columns.stride + v * columns.dilation - columns.before;
            // A place before the plane wraps around to a huge number.
            if (row < rows.size && column < columns.size) call(row * columns.size + column, u * columns.taps + v);
        }
}

}  // namespace circulant::tests
