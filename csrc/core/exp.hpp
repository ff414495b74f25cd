// The exponential of a vector of numbers, to the last bit or two.
#pragma once

#include "core/convert.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
    using Bits = std::int32_t;
    static constexpr int mantissa = 23, bias = 127, terms = 8;
    static constexpr float lowest = -87.0f, highest = 88.0f;
    static constexpr float log2_high = 0.693145752f, log2_low = 1.42860677e-6f;
    static constexpr float round = 0x1.8p23f;  // adding it leaves the nearest integer in the last bits
};

template <>
struct ExpConstants<double> {
    using Bits = std::int64_t;
    static constexpr int mantissa = 52, bias = 1023, terms = 14;
    static constexpr double lowest = -708.0, highest = 709.0;
    static constexpr double log2_high = 0x1.62e42feep-1, log2_low = 0x1.a39ef35793c76p-33;
    static constexpr double round = 0x1.8p52;
};

// 2^k e^r with |r| at most half of log 2, e^r by its series. Beyond the range of T the last value in it.
template <class T>
CIRCULANT_INLINE Vector<T> exponential(Vector<T> x) {
    using C = ExpConstants<T>;
    using Bits = typename C::Bits;
    const Vector<T> lowest = Vector<T>{} + C::lowest, highest = Vector<T>{} + C::highest;
    x = x < lowest ? lowest : x;  // NaN stays
    x = x > highest ? highest : x;
    const Vector<T> shifted = x * static_cast<T>(1.4426950408889634) + C::round;
    const Vector<T> k = shifted - C::round;
    const Vector<T> r = (x - k * C::log2_high) - k * C::log2_low;
    T coefficient[C::terms] = {T{1}};
    for (int n = 1; n < C::terms; ++n) coefficient[n] = coefficient[n - 1] / static_cast<T>(n);
    Vector<T> series = Vector<T>{} + coefficient[C::terms - 1];
    CIRCULANT_UNROLL
    for (int n = C::terms - 2; n >= 0; --n) series = series * r + coefficient[n];
    // The last bits of `shifted` hold k: added to the exponent they multiply by 2^k.
    const Vector<Bits> exponent = (bit_cast<Vector<Bits>>(shifted) + C::bias) << C::mantissa;
    return series * bit_cast<Vector<T>>(exponent);
}

}  // namespace circulant::CIRCULANT_ISA
