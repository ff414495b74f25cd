// The exponential of a vector, to about one unit in the last place.
#pragma once

#include "core/simd.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
struct ExponentialConstants;

// The first part of ln 2 has so few bits that its product with any power in range is exact.
// Terms of the Taylor series: the first one left out is below half a unit for |r| <= ln 2 / 2.
template <>
struct ExponentialConstants<float> {
    static constexpr float lowest = -104.0f, highest = 89.0f;  // exp is 0 below and infinite above
    static constexpr float round = 0x1.8p23f, log2_e = 0x1.715476p0f;
    static constexpr float ln2 = 0.693359375f, ln2_rest = -2.1219444005469058e-4f;
    static constexpr int terms = 7;
};

template <>
struct ExponentialConstants<double> {
    static constexpr double lowest = -746.0, highest = 710.0;
    static constexpr double round = 0x1.8p52, log2_e = 0x1.71547652b82fep0;
    static constexpr double ln2 = 0x1.62e42fefa2p-1, ln2_rest = 0x1.9ef35793c7673p-41;
    static constexpr int terms = 13;
};

// 1 / n!
template <class T>
constexpr T inverse_factorial(int n) {
    T product = 1;
    for (int i = 2; i <= n; ++i) product *= static_cast<T>(i);
    return T{1} / product;
}

template <class T, int term = ExponentialConstants<T>::terms - 1>
CIRCULANT_INLINE Vector<T> exp_series(Vector<T> r, Vector<T> sum) {
    if constexpr (term < 0) {
        return sum;
    } else {
        constexpr T factor = inverse_factorial<T>(term);
        return exp_series<T, term - 1>(r, sum * r + factor);
    }
}

// exp(x) = 2^n exp(r) with x = n ln 2 + r. NaN fails both comparisons and stays.
template <class T>
CIRCULANT_INLINE Vector<T> exp(Vector<T> x) {
    using Constants = ExponentialConstants<T>;
    const Vector<T> lowest = Vector<T>{} + Constants::lowest, highest = Vector<T>{} + Constants::highest;
    x = x < lowest ? lowest : x;
    x = x > highest ? highest : x;
    const Vector<T> shifted = x * Constants::log2_e + Constants::round;
    const Vector<T> whole = shifted - Constants::round;
    const Vector<T> r = (x - whole * Constants::ln2) - whole * Constants::ln2_rest;
    const Vector<T> last = Vector<T>{} + inverse_factorial<T>(Constants::terms);
    return scale_by_power_of_two<T>(exp_series<T>(r, last), whole);
}

}  // namespace circulant::CIRCULANT_ISA
