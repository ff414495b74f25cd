// Vectors of the widest registers that the translation unit is compiled for.
//
// Included only by the units that are compiled once per instruction set. Everything in those units
// lives in the namespace circulant::CIRCULANT_ISA, and nothing from the standard library with code
// behind it is used there: the linker keeps one copy of an inline function that two units share,
// and the copy it keeps might hold instructions that the machine lacks.
#pragma once

#include <cstddef>
#include <cstdint>

#if !defined(CIRCULANT_ISA) || !defined(CIRCULANT_VECTOR_BYTES)
#error "compile this unit with CIRCULANT_ISA and CIRCULANT_VECTOR_BYTES defined"
#endif

#define CIRCULANT_INLINE __attribute__((always_inline)) inline
#define CIRCULANT_UNROLL _Pragma("GCC unroll 16")

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

template <size_t... I>
struct Indices {};

template <size_t N, size_t... I>
struct MakeIndices : MakeIndices<N - 1, N - 1, I...> {};

template <size_t... I>
struct MakeIndices<0, I...> {
    using type = Indices<I...>;
};

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define CIRCULANT_HAS_SHUFFLEVECTOR
#endif
#endif

template <class T, size_t... I>
CIRCULANT_INLINE Vector<T> pick(Vector<T> a, Vector<T> b) {
#ifdef CIRCULANT_HAS_SHUFFLEVECTOR
    return __builtin_shufflevector(a, b, static_cast<int>(I)...);
#else  // GCC before 12
    using Index = decltype(a < b);
    return __builtin_shuffle(a, b, Index{static_cast<int>(I)...});
#endif
}

// One step of the transpose: a and b are rows `step` apart and swap their off-diagonal blocks.
template <class T, size_t step, size_t... I>
CIRCULANT_INLINE void swap_blocks(Vector<T>& a, Vector<T>& b, Indices<I...>) {
    constexpr size_t lanes = kLanes<T>;
    const Vector<T> upper = pick<T, ((I & step) ? lanes + I - step : I)...>(a, b);
    const Vector<T> lower = pick<T, ((I & step) ? lanes + I : I + step)...>(a, b);
    a = upper;
    b = lower;
}

template <class T, size_t step = kLanes<T> / 2>
CIRCULANT_INLINE void transpose(Vector<T> (&rows)[kLanes<T>]) {
    if constexpr (step > 0) {
        CIRCULANT_UNROLL
        for (size_t i = 0; i < kLanes<T>; ++i)
            if (!(i & step))
                swap_blocks<T, step>(rows[i], rows[i + step], typename MakeIndices<kLanes<T>>::type{});
        transpose<T, step / 2>(rows);
    }
}

}  // namespace circulant::CIRCULANT_ISA
