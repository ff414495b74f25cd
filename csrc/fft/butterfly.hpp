// Small transforms in registers: out[j] = sum_k a[k] exp(+2 pi i j k / radix).
#pragma once

#include "fft/complex.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
CIRCULANT_INLINE void butterfly(Complex<T> (&)[1]) {}

template <class T>
CIRCULANT_INLINE void butterfly(Complex<T> (&a)[2]) {
    const Complex<T> sum = a[0] + a[1];
    a[1] = a[0] - a[1];
    a[0] = sum;
}

template <class T>
CIRCULANT_INLINE void butterfly(Complex<T> (&a)[3]) {
    constexpr T kSine = static_cast<T>(0.86602540378443864676);  // sin(2 pi / 3)
    constexpr T kHalf = static_cast<T>(0.5);
    const Complex<T> sum = a[1] + a[2];
    const Complex<T> difference = a[1] - a[2];
    const Complex<T> turned = times_i(Complex<T>{difference.re * kSine, difference.im * kSine});
    const Complex<T> middle = {a[0].re - sum.re * kHalf, a[0].im - sum.im * kHalf};
    a[0] = a[0] + sum;
    a[1] = middle + turned;
    a[2] = middle - turned;
}

template <class T>
CIRCULANT_INLINE void butterfly4(Complex<T>& a0, Complex<T>& a1, Complex<T>& a2, Complex<T>& a3) {
    const Complex<T> even_sum = a0 + a2;
    const Complex<T> even_difference = a0 - a2;
    const Complex<T> odd_sum = a1 + a3;
    const Complex<T> odd_difference = a1 - a3;
    a0 = even_sum + odd_sum;
    a1 = plus_i(even_difference, odd_difference);
    a2 = even_sum - odd_sum;
    a3 = minus_i(even_difference, odd_difference);
}

template <class T>
CIRCULANT_INLINE void butterfly(Complex<T> (&a)[4]) {
    butterfly4(a[0], a[1], a[2], a[3]);
}

template <class T>
CIRCULANT_INLINE void butterfly(Complex<T> (&a)[5]) {
    constexpr T kCos1 = static_cast<T>(0.30901699437494742410);   // cos(2 pi / 5)
    constexpr T kCos2 = static_cast<T>(-0.80901699437494742410);  // cos(4 pi / 5)
    constexpr T kSin1 = static_cast<T>(0.95105651629515357212);   // sin(2 pi / 5)
    constexpr T kSin2 = static_cast<T>(0.58778525229247312917);   // sin(4 pi / 5)
    const Complex<T> sum1 = a[1] + a[4], difference1 = a[1] - a[4];
    const Complex<T> sum2 = a[2] + a[3], difference2 = a[2] - a[3];
    const Complex<T> even1 = {a[0].re + sum1.re * kCos1 + sum2.re * kCos2,
                              a[0].im + sum1.im * kCos1 + sum2.im * kCos2};
    const Complex<T> even2 = {a[0].re + sum1.re * kCos2 + sum2.re * kCos1,
                              a[0].im + sum1.im * kCos2 + sum2.im * kCos1};
    const Complex<T> odd1 = {difference1.re * kSin1 + difference2.re * kSin2,
                             difference1.im * kSin1 + difference2.im * kSin2};
    const Complex<T> odd2 = {difference1.re * kSin2 - difference2.re * kSin1,
                             difference1.im * kSin2 - difference2.im * kSin1};
    a[0] = a[0] + sum1 + sum2;
    a[1] = plus_i(even1, odd1);
    a[2] = plus_i(even2, odd2);
    a[3] = minus_i(even2, odd2);
    a[4] = minus_i(even1, odd1);
}

template <class T>
CIRCULANT_INLINE void butterfly(Complex<T> (&a)[8]) {
    constexpr T kRoot = static_cast<T>(0.70710678118654752440);  // sqrt(1 / 2)
    butterfly4(a[0], a[2], a[4], a[6]);
    butterfly4(a[1], a[3], a[5], a[7]);
    // The odd half turned by eighths, before its factor sqrt(1 / 2).
    const Complex<T> one = {a[3].re - a[3].im, a[3].re + a[3].im};
    const Complex<T> three = {a[7].re + a[7].im, a[7].im - a[7].re};
    const Complex<T> even0 = a[0], even1 = a[2], even2 = a[4], even3 = a[6], odd0 = a[1], odd2 = a[5];
    a[0] = even0 + odd0;
    a[4] = even0 - odd0;
    a[1] = {even1.re + one.re * kRoot, even1.im + one.im * kRoot};
    a[5] = {even1.re - one.re * kRoot, even1.im - one.im * kRoot};
    a[2] = plus_i(even2, odd2);
    a[6] = minus_i(even2, odd2);
    a[3] = {even3.re - three.re * kRoot, even3.im - three.im * kRoot};
    a[7] = {even3.re + three.re * kRoot, even3.im + three.im * kRoot};
}

}  // namespace circulant::CIRCULANT_ISA
