// The first level of the tree from real samples, and the last one back to real samples.
//
// Position p of the polynomial is the real part of coefficient p, or the imaginary part of coefficient
// p - n. A source gives the samples from a position on: source.load(at) -> Vector<T>. A sink takes
// them: sink.put(at, Vector<T>). `halved` says that positions from n on are all zero, or of no interest.
#pragma once

#include "fft/butterfly.hpp"
#include "fft/tree.hpp"

namespace circulant::CIRCULANT_ISA {

template <size_t radix, bool halved, class Source, class T>
void take_in_by(const TreeView<T>& tree, const Source& source, T* data) {
    const size_t child = tree.size / radix, child_scalars = 2 * child;
    const T* const roots = radix > 1 ? tree.levels[0].roots : nullptr;
    for (size_t at = 0; at < child; at += kLanes<T>) {
        Complex<T> a[radix];
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) {
            a[k] = {source.load(at + k * child), halved ? Vector<T>{} : source.load(tree.size + at + k * child)};
            if (k == 0) continue;
            const T re = roots[2 * k - 2], im = roots[2 * k - 1];
            a[k] = halved ? Complex<T>{a[k].re * re, a[k].re * im} : times(a[k], re, im);
        }
        butterfly(a);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) store_complex(data + k * child_scalars + 2 * at, a[k]);
    }
}

template <size_t radix, bool halved, class Sink, class T>
void give_out_by(const TreeView<T>& tree, const T* data, const Sink& sink) {
    const size_t child = tree.size / radix, child_scalars = 2 * child;
    const T* const roots = radix > 1 ? tree.levels[0].roots : nullptr;
    for (size_t at = 0; at < child; at += kLanes<T>) {
        Complex<T> a[radix];
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) a[k] = load_complex(data + k * child_scalars + 2 * at);
        butterfly(a);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) {
            Complex<T> value = a[0];
            if (k > 0) value = conjugate_times(a[radix - k], roots[2 * k - 2], roots[2 * k - 1]);
            sink.put(at + k * child, value.re);
            if constexpr (!halved) sink.put(tree.size + at + k * child, value.im);
        }
    }
}

// Samples -> the children of the root; what pads the last group of leaves is cleared.
template <bool halved, class Source, class T>
void take_in(const TreeView<T>& tree, const Source& source, T* data) {
    for (size_t at = tree.size; at < tree.padded_leaves * kLanes<T>; at += kLanes<T>)
        store_complex(data + 2 * at, Complex<T>{});
    switch (tree.depth == 0 ? 1 : tree.levels[0].radix) {
        case 1: return take_in_by<1, halved>(tree, source, data);
        case 2: return take_in_by<2, halved>(tree, source, data);
        case 3: return take_in_by<3, halved>(tree, source, data);
        case 4: return take_in_by<4, halved>(tree, source, data);
        case 5: return take_in_by<5, halved>(tree, source, data);
        default: return take_in_by<8, halved>(tree, source, data);
    }
}

// The children of the root -> samples times n.
template <bool halved, class Sink, class T>
void give_out(const TreeView<T>& tree, const T* data, const Sink& sink) {
    switch (tree.depth == 0 ? 1 : tree.levels[0].radix) {
        case 1: return give_out_by<1, halved>(tree, data, sink);
        case 2: return give_out_by<2, halved>(tree, data, sink);
        case 3: return give_out_by<3, halved>(tree, data, sink);
        case 4: return give_out_by<4, halved>(tree, data, sink);
        case 5: return give_out_by<5, halved>(tree, data, sink);
        default: return give_out_by<8, halved>(tree, data, sink);
    }
}

}  // namespace circulant::CIRCULANT_ISA
