// Squares of as many vectors as lanes: rows and columns change places, or each row is summed.
#pragma once

#include "core/simd.hpp"

namespace circulant::CIRCULANT_ISA {

// Rows `step` apart swap their off-diagonal blocks.
template <size_t step, class T>
CIRCULANT_INLINE void swap_blocks(Vector<T>& a, Vector<T>& b) {
    const Vector<T> upper = pick<Interleave<2 * step, step, false>, T>(a, b);
    b = pick<Interleave<2 * step, step, true>, T>(a, b);
    a = upper;
}

template <class T, size_t step = kLanes<T> / 2>
CIRCULANT_INLINE void transpose(Vector<T> (&rows)[kLanes<T>]) {
    if constexpr (step > 0) {
        CIRCULANT_UNROLL
        for (size_t i = 0; i < kLanes<T>; ++i)
            if (!(i & step)) swap_blocks<step, T>(rows[i], rows[i + step]);
        transpose<T, step / 2>(rows);
    }
}

// The sum of each row: a transpose that adds what it has paired.
template <class T, size_t step = kLanes<T> / 2>
CIRCULANT_INLINE Vector<T> sum_rows(Vector<T> (&rows)[kLanes<T>]) {
    if constexpr (step > 0) {
        CIRCULANT_UNROLL
        for (size_t i = 0; i < step; ++i) {
            swap_blocks<step, T>(rows[i], rows[i + step]);
            rows[i] += rows[i + step];
        }
        return sum_rows<T, step / 2>(rows);
    } else {
        return rows[0];
    }
}

}  // namespace circulant::CIRCULANT_ISA
