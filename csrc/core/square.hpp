// Transpose of a square of as many vectors as each has lanes.
#pragma once

#include "core/simd.hpp"

namespace circulant::CIRCULANT_ISA {

// Lane I of a, or of b from kLanes<T> on.
template <class T, size_t... I>
CIRCULANT_INLINE Vector<T> lanes_of(Vector<T> a, Vector<T> b) {
#ifdef CIRCULANT_HAS_SHUFFLEVECTOR
    return __builtin_shufflevector(a, b, static_cast<int>(I)...);
#else  // GCC before 12
    using Index = decltype(a < b);
    return __builtin_shuffle(a, b, Index{static_cast<int>(I)...});
#endif
}

// Rows `step` apart swap their off-diagonal blocks of `step` lanes.
template <class T, size_t step, size_t... I>
CIRCULANT_INLINE void swap_off_diagonal(Vector<T>& a, Vector<T>& b, Indices<I...>) {
    constexpr size_t lanes = kLanes<T>;
    const Vector<T> upper = lanes_of<T, ((I & step) ? lanes + I - step : I)...>(a, b);
    b = lanes_of<T, ((I & step) ? lanes + I : I + step)...>(a, b);
    a = upper;
}

template <class T, size_t step = kLanes<T> / 2>
CIRCULANT_INLINE void transpose_square(Vector<T> (&rows)[kLanes<T>]) {
    if constexpr (step > 0) {
        CIRCULANT_UNROLL
        for (size_t i = 0; i < kLanes<T>; ++i)
            if (!(i & step))
                swap_off_diagonal<T, step>(rows[i], rows[i + step], typename MakeIndices<kLanes<T>>::type{});
        transpose_square<T, step / 2>(rows);
    }
}

}  // namespace circulant::CIRCULANT_ISA
