// One level of the tree, forth or back, over consecutive nodes.
#pragma once

#include "fft/butterfly.hpp"
#include "fft/tree.hpp"

namespace circulant::CIRCULANT_ISA {

// Node modulo x^m - c -> its children modulo x^m' - c_j.
template <size_t radix, class T>
CIRCULANT_INLINE void split_node(T* data, size_t child_scalars, const T* roots) {
    for (size_t at = 0; at < child_scalars; at += 2 * kLanes<T>) {
        Complex<T> a[radix];
        a[0] = load_complex(data + at);
        CIRCULANT_UNROLL
        for (size_t k = 1; k < radix; ++k)
            a[k] = times(load_complex(data + k * child_scalars + at), roots[2 * k - 2], roots[2 * k - 1]);
        butterfly(a);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) store_complex(data + k * child_scalars + at, a[k]);
    }
}

// The inverse of the above, times radix.
template <size_t radix, class T>
CIRCULANT_INLINE void merge_node(T* data, size_t child_scalars, const T* roots) {
    for (size_t at = 0; at < child_scalars; at += 2 * kLanes<T>) {
        Complex<T> a[radix];
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) a[k] = load_complex(data + k * child_scalars + at);
        butterfly(a);
        store_complex(data + at, a[0]);
        CIRCULANT_UNROLL
        for (size_t k = 1; k < radix; ++k)  // the butterfly's reversed order is its inverse
            store_complex(data + k * child_scalars + at,
                          conjugate_times(a[radix - k], roots[2 * k - 2], roots[2 * k - 1]));
    }
}

template <size_t radix, bool forward, class T>
void pass_of_radix(const Level<T>& level, size_t first, size_t count, T* data) {
    const size_t child_scalars = 2 * level.child_size;
    for (size_t node = first; node < first + count; ++node) {
        T* const start = data + node * radix * child_scalars;
        const T* const roots = level.roots + node * 2 * (radix - 1);
        if constexpr (forward)
            split_node<radix>(start, child_scalars, roots);
        else
            merge_node<radix>(start, child_scalars, roots);
    }
}

template <bool forward, class T>
void pass(const Level<T>& level, size_t first, size_t count, T* data) {
    switch (level.radix) {
        case 2: return pass_of_radix<2, forward>(level, first, count, data);
        case 3: return pass_of_radix<3, forward>(level, first, count, data);
        case 4: return pass_of_radix<4, forward>(level, first, count, data);
        case 5: return pass_of_radix<5, forward>(level, first, count, data);
        default: return pass_of_radix<8, forward>(level, first, count, data);
    }
}

}  // namespace circulant::CIRCULANT_ISA
