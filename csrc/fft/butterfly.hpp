// Small transforms in registers: out[j] = sum_k a[k] exp(+2 pi i j k / radix).
#pragma once

#include "fft/complex.hpp"

namespace circulant::CIRCULANT_ISA {

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
CIRCULANT_INLINE void butterfly(Complex<T> (&a)[4]) {
    const Complex<T> even_sum = a[0] + a[2];
    const Complex<T> even_difference = a[0] - a[2];
    const Complex<T> odd_sum = a[1] + a[3];
    const Complex<T> odd_difference = times_i(a[1] - a[3]);
    a[0] = even_sum + odd_sum;
    a[1] = even_difference + odd_difference;
    a[2] = even_sum - odd_sum;
    a[3] = even_difference - odd_difference;
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
    const Complex<T> odd1 = times_i(Complex<T>{difference1.re * kSin1 + difference2.re * kSin2,
                                               difference1.im * kSin1 + difference2.im * kSin2});
    const Complex<T> odd2 = times_i(Complex<T>{difference1.re * kSin2 - difference2.re * kSin1,
                                               difference1.im * kSin2 - difference2.im * kSin1});
    a[0] = a[0] + sum1 + sum2;
    a[1] = even1 + odd1;
    a[2] = even2 + odd2;
    a[3] = even2 - odd2;
    a[4] = even1 - odd1;
}

// exp(2 pi i k / 16)
template <class T>
inline constexpr T kCosine16[8] = {
    static_cast<T>(1.0),
    static_cast<T>(0.92387953251128675613),
    static_cast<T>(0.70710678118654752440),
    static_cast<T>(0.38268343236508977173),
    static_cast<T>(0.0),
    static_cast<T>(-0.38268343236508977173),
    static_cast<T>(-0.70710678118654752440),
    static_cast<T>(-0.92387953251128675613),
};

template <class T>
inline constexpr T kSine16[8] = {
    static_cast<T>(0.0),
    static_cast<T>(0.38268343236508977173),
    static_cast<T>(0.70710678118654752440),
    static_cast<T>(0.92387953251128675613),
    static_cast<T>(1.0),
    static_cast<T>(0.92387953251128675613),
    static_cast<T>(0.70710678118654752440),
    static_cast<T>(0.38268343236508977173),
};

// Transform of N values (a power of two, at most 16) in place, results in bit-reversed order.
template <size_t N, class T>
CIRCULANT_INLINE void transform_registers(Complex<T>* a) {
    if constexpr (N > 1) {
        CIRCULANT_UNROLL
        for (size_t k = 0; k < N / 2; ++k) {
            const Complex<T> difference = a[k] - a[k + N / 2];
            a[k] = a[k] + a[k + N / 2];
            const size_t turn = k * (16 / N);
            if (turn == 0)
                a[k + N / 2] = difference;
            else if (turn == 4)
                a[k + N / 2] = times_i(difference);
            else
                a[k + N / 2] = times(difference, kCosine16<T>[turn], kSine16<T>[turn]);
        }
        transform_registers<N / 2>(a);
        transform_registers<N / 2>(a + N / 2);
    }
}

// The inverse of the above, times N.
template <size_t N, class T>
CIRCULANT_INLINE void restore_registers(Complex<T>* a) {
    if constexpr (N > 1) {
        restore_registers<N / 2>(a);
        restore_registers<N / 2>(a + N / 2);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < N / 2; ++k) {
            const size_t turn = k * (16 / N);
            Complex<T> other = a[k + N / 2];
            if (turn == 4)
                other = {other.im, -other.re};
            else if (turn != 0)
                other = conjugate_times(other, kCosine16<T>[turn], kSine16<T>[turn]);
            a[k + N / 2] = a[k] - other;
            a[k] = a[k] + other;
        }
    }
}

}  // namespace circulant::CIRCULANT_ISA
