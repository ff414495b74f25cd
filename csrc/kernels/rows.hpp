// Real rows into the coefficients of a transform, and back.
#pragma once

#include "core/convert.hpp"
#include "fft/leaf.hpp"
#include "kernels/long_conv_job.hpp"

namespace circulant::CIRCULANT_ISA {

// Samples at positions `at` .. `at` + lanes - 1 of the placed row.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE Vector<T> placed(const S* row, const Placement& place, size_t at) {
    constexpr size_t lanes = kLanes<T>;
    const size_t end = place.offset + place.extent;
    if (at + lanes <= place.offset || at >= end) return Vector<T>{};
    if (at >= place.offset && at + lanes <= end) {
        size_t sample = place.phase + (at - place.offset);
        for (; sample >= place.length; sample -= place.length) {}
        if (sample + lanes <= place.length) return widen(row + sample);
    }
    T values[lanes];
    for (size_t i = 0; i < lanes; ++i) {
        const bool inside = at + i >= place.offset && at + i < end;
        values[i] = inside ? widen_one(row[(place.phase + (at + i - place.offset)) % place.length]) : T{0};
    }
    return load(values);
}

// Position p of the polynomial is the real part of coefficient p, or the imaginary part of
// coefficient p - n. The padding behind the last leaf is cleared.
template <class S, class T = Arithmetic<S>>
void place_row(const TreeView<T>& tree, const S* row, const Placement& place, T* data) {
    constexpr size_t lanes = kLanes<T>;
    for (size_t at = 0; at < tree.size; at += lanes) {
        store(data + 2 * at, placed(row, place, at));
        store(data + 2 * at + lanes, placed(row, place, tree.size + at));
    }
    for (size_t at = tree.size; at < tree.padded_leaves * lanes; at += lanes)
        store_complex(data + 2 * at, Complex<T>{});
}

// `count` samples from position `window` on, divided by n, which the walk down and up multiplied by.
template <class S, class T = Arithmetic<S>>
void take_row(const TreeView<T>& tree, const T* data, size_t window, size_t count, S* row) {
    constexpr size_t lanes = kLanes<T>;
    const T scale = T{1} / static_cast<T>(tree.size);
    for (size_t i = 0; i < count; i += lanes) {
        const size_t at = window + i;
        const T* const from = at < tree.size ? data + 2 * at : data + 2 * (at - tree.size) + lanes;
        const Vector<T> value = load(from) * scale;
        if (i + lanes <= count)
            narrow(row + i, value);
        else
            narrow_first(row + i, value, count - i);
    }
}

}  // namespace circulant::CIRCULANT_ISA
