// A vector of complex numbers, and its products with vectors or with one number for all lanes.
#pragma once

#include "core/simd.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
struct Complex {
    Vector<T> re, im;
};

template <class T>
CIRCULANT_INLINE Complex<T> operator+(Complex<T> a, Complex<T> b) {
    return {a.re + b.re, a.im + b.im};
}

template <class T>
CIRCULANT_INLINE Complex<T> operator-(Complex<T> a, Complex<T> b) {
    return {a.re - b.re, a.im - b.im};
}

// a (re + i im); re and im are vectors or scalars.
template <class T, class S>
CIRCULANT_INLINE Complex<T> times(Complex<T> a, S re, S im) {
    return {a.re * re - a.im * im, a.re * im + a.im * re};
}

// a (re - i im)
template <class T, class S>
CIRCULANT_INLINE Complex<T> conjugate_times(Complex<T> a, S re, S im) {
    return {a.re * re + a.im * im, a.im * re - a.re * im};
}

template <class T>
CIRCULANT_INLINE Complex<T> times_i(Complex<T> a) {
    return {-a.im, a.re};
}

// a + i b
template <class T>
CIRCULANT_INLINE Complex<T> plus_i(Complex<T> a, Complex<T> b) {
    return {a.re - b.im, a.im + b.re};
}

// a - i b
template <class T>
CIRCULANT_INLINE Complex<T> minus_i(Complex<T> a, Complex<T> b) {
    return {a.re + b.im, a.im - b.re};
}

// A buffer holds vector after vector, each as its real parts followed by its imaginary parts.
template <class T>
CIRCULANT_INLINE Complex<T> load_complex(const T* from) {
    return {load(from), load(from + kLanes<T>)};
}

template <class T>
CIRCULANT_INLINE void store_complex(T* to, Complex<T> value) {
    store(to, value.re);
    store(to + kLanes<T>, value.im);
}

}  // namespace circulant::CIRCULANT_ISA
