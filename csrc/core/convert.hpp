// Vectors from and to memory that stores another type than they hold; one rounding, to nearest even.
#pragma once

#include "core/simd.hpp"
#include <type_traits>

#include "core/storage.hpp"

#if defined(__F16C__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace circulant::CIRCULANT_ISA {

template <class U, class V>
CIRCULANT_INLINE U bit_cast(V value) {
    static_assert(sizeof(U) == sizeof(V));
    U bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

// ---- one number

CIRCULANT_INLINE float widen_one(float value) { return value; }
CIRCULANT_INLINE double widen_one(double value) { return value; }

CIRCULANT_INLINE float widen_one(BFloat16 value) {
    return bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

CIRCULANT_INLINE float widen_one(Half value) {
    const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16;
    const std::uint32_t magnitude = value.bits & 0x7fffu;
    // The exponent is off by 112; as a product this also normalises subnormals.
    const float scaled = bit_cast<float>(magnitude << 13) * 0x1p112f;
    const std::uint32_t bits = magnitude >= 0x7c00u ? (magnitude << 13) | 0x7f800000u : bit_cast<std::uint32_t>(scaled);
    return bit_cast<float>(bits | sign);
}

template <class S>
CIRCULANT_INLINE S narrow_one(Arithmetic<S> value) {
    return value;
}

template <>
CIRCULANT_INLINE BFloat16 narrow_one<BFloat16>(float value) {
    const std::uint32_t bits = bit_cast<std::uint32_t>(value);
    if (value != value) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};  // a quiet NaN
    return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

template <>
CIRCULANT_INLINE Half narrow_one<Half>(float value) {
    const std::uint32_t bits = bit_cast<std::uint32_t>(value);
    const std::uint16_t sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
    std::uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
    if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};  // rounds to infinity
    if (magnitude < 0x38800000u) {
        // Subnormal: adding 0.5 leaves the rounded multiples of 2^-24 in the last bits.
        const std::uint32_t sum = bit_cast<std::uint32_t>(bit_cast<float>(magnitude) + 0.5f);
        return {static_cast<std::uint16_t>(sign | (sum - 0x3f000000u))};
    }
    magnitude += 0xfffu + ((magnitude >> 13) & 1u);
    return {static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u) >> 13))};
}

// ---- vectors of as many numbers as kLanes<Arithmetic<S>>

template <class S>
CIRCULANT_INLINE Vector<Arithmetic<S>> widen(const S* from) {
    using T = Arithmetic<S>;
    if constexpr (sizeof(S) == sizeof(T)) {
        return load(reinterpret_cast<const T*>(from));
    } else {
#if defined(__AVX512F__)
        const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
        if constexpr (std::is_same_v<S, Half>)
            return bit_cast<Vector<T>>(_mm512_cvtph_ps(bits));
        else
            return bit_cast<Vector<T>>(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
#elif defined(__F16C__)
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        if constexpr (std::is_same_v<S, Half>)
            return bit_cast<Vector<T>>(_mm256_cvtph_ps(bits));
        else
            return bit_cast<Vector<T>>(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
#else
        T lanes[kLanes<T>];
        for (size_t i = 0; i < kLanes<T>; ++i) lanes[i] = widen_one(from[i]);
        return load(lanes);
#endif
    }
}

template <class S>
CIRCULANT_INLINE void narrow(S* to, Vector<Arithmetic<S>> value) {
    using T = Arithmetic<S>;
    if constexpr (sizeof(S) == sizeof(T)) {
        store(reinterpret_cast<T*>(to), value);
        return;
    }
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<S, Half>) {
        const __m256i bits = _mm512_cvtps_ph(bit_cast<__m512>(value), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bits);
        return;
    }
#elif defined(__F16C__)
    if constexpr (std::is_same_v<S, Half>) {
        const __m128i bits = _mm256_cvtps_ph(bit_cast<__m256>(value), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bits);
        return;
    }
#endif
    T lanes[kLanes<T>];
    store(lanes, value);
    for (size_t i = 0; i < kLanes<T>; ++i) to[i] = narrow_one<S>(lanes[i]);
}

#if defined(__AVX2__) && !defined(__AVX512F__)
// All bits of lanes first .. last - 1.
CIRCULANT_INLINE __m256i lane_mask(size_t first, size_t last) {
    const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i before_last = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(last)), places);
    return _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(first)), places), before_last);
}
#endif

// Numbers from `from` on in lanes first .. last - 1, zeros in the others; reads nothing else.
template <class S>
CIRCULANT_INLINE Vector<Arithmetic<S>> widen_between(const S* from, size_t first, size_t last) {
    using T = Arithmetic<S>;
#if defined(__AVX512F__)
    const auto mask = ((1u << last) - 1u) & ~((1u << first) - 1u);
    if constexpr (std::is_same_v<S, float>)
        return bit_cast<Vector<T>>(_mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from - first));
    if constexpr (std::is_same_v<S, double>)
        return bit_cast<Vector<T>>(_mm512_maskz_loadu_pd(static_cast<__mmask8>(mask), from - first));
    if constexpr (sizeof(S) != sizeof(T)) {
        S numbers[kLanes<T>];
        const __m256i bits = _mm256_maskz_loadu_epi16(static_cast<__mmask16>(mask), from - first);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(numbers), bits);
        return widen(numbers);
    }
#elif defined(__AVX2__)
    if constexpr (std::is_same_v<S, float>)
        return bit_cast<Vector<T>>(_mm256_maskload_ps(from - first, lane_mask(first, last)));
#endif
    T lanes[kLanes<T>] = {};
    for (size_t i = first; i < last; ++i) lanes[i] = widen_one(from[i - first]);
    return load(lanes);
}

// The first `count` numbers.
template <class S>
CIRCULANT_INLINE void narrow_first(S* to, Vector<Arithmetic<S>> value, size_t count) {
#if defined(__AVX512F__)
    const auto mask = (1u << count) - 1u;
    if constexpr (std::is_same_v<S, float>) return _mm512_mask_storeu_ps(to, static_cast<__mmask16>(mask), bit_cast<__m512>(value));
    if constexpr (std::is_same_v<S, double>) return _mm512_mask_storeu_pd(to, static_cast<__mmask8>(mask), bit_cast<__m512d>(value));
#elif defined(__AVX2__)
    if constexpr (std::is_same_v<S, float>)
        return _mm256_maskstore_ps(to, lane_mask(0, count), bit_cast<__m256>(value));
#endif
    Arithmetic<S> lanes[kLanes<Arithmetic<S>>];
    store(lanes, value);
    for (size_t i = 0; i < count; ++i) to[i] = narrow_one<S>(lanes[i]);
}

// A row of `count` numbers.
template <class S>
CIRCULANT_INLINE void widen_row(const S* from, size_t count, Arithmetic<S>* to) {
    using T = Arithmetic<S>;
    size_t i = 0;
    for (; i + kLanes<T> <= count; i += kLanes<T>) store(to + i, widen(from + i));
    for (; i < count; ++i) to[i] = widen_one(from[i]);
}

template <class S>
CIRCULANT_INLINE void narrow_row(const Arithmetic<S>* from, size_t count, S* to) {
    using T = Arithmetic<S>;
    size_t i = 0;
    for (; i + kLanes<T> <= count; i += kLanes<T>) narrow(to + i, load(from + i));
    for (; i < count; ++i) to[i] = narrow_one<S>(from[i]);
}

}  // namespace circulant::CIRCULANT_ISA
