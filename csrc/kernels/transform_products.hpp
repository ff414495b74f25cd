// Products of spectra: complex numbers that lie as pairs, one after the other.
#pragma once

#include "fft/complex.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
CIRCULANT_INLINE Complex<T> load_pairs(const T* from) {
    const Vector<T> a = load(from), b = load(from + kLanes<T>);
    return {pick<EveryOther<1, false>, T>(a, b), pick<EveryOther<1, true>, T>(a, b)};
}

template <class T>
CIRCULANT_INLINE void store_pairs(T* to, Complex<T> value) {
    store(to, pick<Interleave<kLanes<T>, 1, false>, T>(value.re, value.im));
    store(to + kLanes<T>, pick<Interleave<kLanes<T>, 1, true>, T>(value.re, value.im));
}

template <class T>
void multiply_pairs(T* values, const T* gains, size_t scalars, bool conjugated) {
    size_t i = 0;
    for (; i + 2 * kLanes<T> <= scalars; i += 2 * kLanes<T>) {
        const Complex<T> value = load_pairs(values + i), gain = load_pairs(gains + i);
        store_pairs(values + i, conjugated ? conjugate_times(value, gain.re, gain.im) : times(value, gain.re, gain.im));
    }
    for (; i < scalars; i += 2) {
        const T re = values[i], im = values[i + 1], turn = conjugated ? -gains[i + 1] : gains[i + 1];
        values[i] = re * gains[i] - im * turn;
        values[i + 1] = re * turn + im * gains[i];
    }
}

template <class T>
void correlate_pairs(const T* x, const T* g, T* total, size_t scalars) {
    size_t i = 0;
    for (; i + 2 * kLanes<T> <= scalars; i += 2 * kLanes<T>) {
        const Complex<T> factor = load_pairs(x + i);
        store_pairs(total + i, load_pairs(total + i) + conjugate_times(load_pairs(g + i), factor.re, factor.im));
    }
    for (; i < scalars; i += 2) {
        total[i] += x[i] * g[i] + x[i + 1] * g[i + 1];
        total[i + 1] += x[i] * g[i + 1] - x[i + 1] * g[i];
    }
}

}  // namespace circulant::CIRCULANT_ISA
