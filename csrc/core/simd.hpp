// Vectors of the widest registers that the translation unit is compiled for.
//
// Included only by the units that are compiled once per instruction set. Everything in those units
// lives in the namespace circulant::CIRCULANT_ISA, and nothing from the standard library with code
// behind it is used there: the linker keeps one copy of an inline function that two units share,
// and the copy it keeps might hold instructions that the machine lacks.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if !defined(CIRCULANT_ISA) || !defined(CIRCULANT_VECTOR_BYTES)
#error "compile this unit with CIRCULANT_ISA and CIRCULANT_VECTOR_BYTES defined"
#endif

#if defined(CIRCULANT_SANITIZED)  // checks in fully unrolled kernels would take hours to compile
#define CIRCULANT_INLINE inline
#define CIRCULANT_UNROLL
#else
#define CIRCULANT_INLINE __attribute__((always_inline)) inline
#define CIRCULANT_UNROLL _Pragma("GCC unroll 16")
#endif

namespace circulant::CIRCULANT_ISA {

using std::size_t;

template <class T>
struct VectorOf {
    typedef T type __attribute__((vector_size(CIRCULANT_VECTOR_BYTES)));
};

template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
inline constexpr size_t kLanes = CIRCULANT_VECTOR_BYTES / sizeof(T);

template <class T>
CIRCULANT_INLINE Vector<T> load(const T* from) {
    Vector<T> value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
}

template <class T>
CIRCULANT_INLINE void store(T* to, Vector<T> value) {
    __builtin_memcpy(to, &value, sizeof value);
}

// value times two to the power `whole`, a vector of integers below 2^10 (float) or 2^13 (double) in size.
template <class T>
CIRCULANT_INLINE Vector<T> scale_by_power_of_two(Vector<T> value, Vector<T> whole) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return reinterpret_cast<Vector<T>>(_mm512_scalef_ps(reinterpret_cast<__m512>(value), reinterpret_cast<__m512>(whole)));
    else
        return reinterpret_cast<Vector<T>>(_mm512_scalef_pd(reinterpret_cast<__m512d>(value), reinterpret_cast<__m512d>(whole)));
#else
    // In two steps, so that neither power leaves the range of exponents before the product does.
    using Bits = decltype(value < whole);
    constexpr int mantissa = sizeof(T) == 4 ? 23 : 52, bias = sizeof(T) == 4 ? 127 : 1023;
    constexpr T magic = T{3} * static_cast<T>(int64_t{1} << (mantissa - 1));  // an integer moves to the last bits
    const Bits power = reinterpret_cast<Bits>(whole + magic) - reinterpret_cast<Bits>(Vector<T>{} + magic);
    const Bits half = power >> 1;
    const Vector<T> first = reinterpret_cast<Vector<T>>((half + bias) << mantissa);
    const Vector<T> second = reinterpret_cast<Vector<T>>((power - half + bias) << mantissa);
    return value * first * second;
#endif
}

// Selects rather than multiplies by zero, so that infinities behind `count` leave no NaN.
template <class T>
CIRCULANT_INLINE Vector<T> keep_first(Vector<T> value, size_t count) {
    T numbers[kLanes<T>];
    for (size_t i = 0; i < kLanes<T>; ++i) numbers[i] = static_cast<T>(i);
    const Vector<T> limit = Vector<T>{} + static_cast<T>(count);
    return load(numbers) < limit ? value : Vector<T>{};
}

template <class T>
CIRCULANT_INLINE T sum_lanes(Vector<T> value) {
    T total = value[0];
    for (size_t i = 1; i < kLanes<T>; ++i) total += value[i];
    return total;
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define CIRCULANT_HAS_SHUFFLEVECTOR
#endif
#endif

template <size_t... I>
struct Indices {};

template <size_t N, size_t... I>
struct MakeIndices : MakeIndices<N - 1, N - 1, I...> {};

template <size_t... I>
struct MakeIndices<0, I...> {
    using type = Indices<I...>;
};

// Lane i of the result is lane pattern(i) of a, or of b from kLanes<T> on.
template <class T, class Pattern, size_t... I>
CIRCULANT_INLINE Vector<T> pick(Vector<T> a, Vector<T> b, Pattern, Indices<I...>) {
#ifdef CIRCULANT_HAS_SHUFFLEVECTOR
    return __builtin_shufflevector(a, b, static_cast<int>(Pattern::lane(I, kLanes<T>))...);
#else  // GCC before 12
    using Index = decltype(a < b);
    return __builtin_shuffle(a, b, Index{static_cast<int>(Pattern::lane(I, kLanes<T>))...});
#endif
}

template <class Pattern, class T>
CIRCULANT_INLINE Vector<T> pick(Vector<T> a, Vector<T> b) {
    return pick<T>(a, b, Pattern{}, typename MakeIndices<kLanes<T>>::type{});
}

// Of each run of `run` lanes, units of `unit` lanes from a and b in turn: the first half of the run or
// the second. These are the unpack instructions.
template <size_t run, size_t unit, bool second>
struct Interleave {
    static constexpr size_t lane(size_t i, size_t lanes) {
        const size_t place = i % run, number = place / unit;
        const size_t from = (number / 2) * unit + place % unit + (second ? run / 2 : 0);
        return i - place + from + (number % 2 ? lanes : 0);
    }
};

// Units of `unit` lanes: those of a with an even (or odd) number, then those of b.
template <size_t unit, bool odd>
struct EveryOther {
    static constexpr size_t lane(size_t i, size_t lanes) {
        const size_t half = lanes / 2, place = i % half;
        return place / unit * 2 * unit + (odd ? unit : 0) + place % unit + (i < half ? 0 : lanes);
    }
};

// The first (or second) half of a, then that of b.
template <bool second>
struct Halves {
    static constexpr size_t lane(size_t i, size_t lanes) {
        const size_t half = lanes / 2;
        return i % half + (second ? half : 0) + (i < half ? 0 : lanes);
    }
};

}  // namespace circulant::CIRCULANT_ISA
