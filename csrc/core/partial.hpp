// Vectors of which only some lanes are in memory.
#pragma once

#include <type_traits>

#include "core/simd.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace circulant::CIRCULANT_ISA {

// Whether a load of some lanes costs about as much as one of all.
#if defined(__AVX2__)
inline constexpr bool kHasMaskedLoads = true;
#else
inline constexpr bool kHasMaskedLoads = false;
#endif

CIRCULANT_INLINE ptrdiff_t clamp_lane(ptrdiff_t lane, size_t lanes) {
    const ptrdiff_t most = static_cast<ptrdiff_t>(lanes);
    return lane < 0 ? 0 : lane > most ? most : lane;
}

#if defined(__AVX2__) && !defined(__AVX512F__)
// As many lanes that are set as a vector has, then as many that are not.
template <class T>
struct LaneSteps {
    std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t> lanes[2 * kLanes<T>] = {};
    constexpr LaneSteps() {
        for (size_t i = 0; i < kLanes<T>; ++i) lanes[i] = -1;
    }
};

template <class T>
inline constexpr LaneSteps<T> kBelow{};
#endif

// Lanes first .. end - 1 of a vector; what lies outside is not read, and taken as zero.
template <class T>
class LaneRange final {
public:
#if defined(__AVX512F__)
    CIRCULANT_INLINE LaneRange() : mask_(0) {}
    CIRCULANT_INLINE LaneRange(ptrdiff_t first, ptrdiff_t end) {
        const std::uint32_t above = (1u << clamp_lane(first, kLanes<T>)) - 1u;
        mask_ = static_cast<Mask>(((1u << clamp_lane(end, kLanes<T>)) - 1u) & ~above);
    }

    CIRCULANT_INLINE Vector<T> load(const T* from) const {
        if constexpr (sizeof(T) == 4)
            return reinterpret_cast<Vector<T>>(_mm512_maskz_loadu_ps(mask_, from));
        else
            return reinterpret_cast<Vector<T>>(_mm512_maskz_loadu_pd(mask_, from));
    }

private:
    using Mask = std::conditional_t<sizeof(T) == 4, __mmask16, __mmask8>;
    Mask mask_;
#elif defined(__AVX2__)
    CIRCULANT_INLINE LaneRange() : mask_{} {}
    CIRCULANT_INLINE LaneRange(ptrdiff_t first, ptrdiff_t end) {
        constexpr size_t lanes = kLanes<T>;
        const auto* const below = kBelow<T>.lanes + lanes;  // lane i of below - n is set if i < n
        __m256i before_end, before_first;
        __builtin_memcpy(&before_end, below - clamp_lane(end, lanes), sizeof before_end);
        __builtin_memcpy(&before_first, below - clamp_lane(first, lanes), sizeof before_first);
        mask_ = _mm256_andnot_si256(before_first, before_end);
    }

    CIRCULANT_INLINE Vector<T> load(const T* from) const {
        if constexpr (sizeof(T) == 4)
            return reinterpret_cast<Vector<T>>(_mm256_maskload_ps(from, mask_));
        else
            return reinterpret_cast<Vector<T>>(_mm256_maskload_pd(from, mask_));
    }

private:
    __m256i mask_;
#else
    CIRCULANT_INLINE LaneRange() : first_(0), end_(0) {}
    CIRCULANT_INLINE LaneRange(ptrdiff_t first, ptrdiff_t end)
        : first_(clamp_lane(first, kLanes<T>)), end_(clamp_lane(end, kLanes<T>)) {}

    CIRCULANT_INLINE Vector<T> load(const T* from) const {
        T lanes[kLanes<T>] = {};
        for (ptrdiff_t i = first_; i < end_; ++i) lanes[i] = from[i];
        return CIRCULANT_ISA::load(lanes);
    }

private:
    ptrdiff_t first_, end_;
#endif
};

// The first lanes of a vector to memory; what lies behind them is not written.
template <class T>
CIRCULANT_INLINE void store_first(T* to, Vector<T> value, size_t count) {
#if defined(__AVX512F__)
    const std::uint32_t below = (1u << count) - 1u;
    if constexpr (sizeof(T) == 4)
        _mm512_mask_storeu_ps(to, static_cast<__mmask16>(below), reinterpret_cast<__m512>(value));
    else
        _mm512_mask_storeu_pd(to, static_cast<__mmask8>(below), reinterpret_cast<__m512d>(value));
#else
    if (count == kLanes<T>) return store(to, value);
    // In pieces of halving size: masked stores of 32 bytes are slow on many machines.
    T lanes[kLanes<T>];
    store(lanes, value);
    size_t at = 0;
    CIRCULANT_UNROLL
    for (size_t size = kLanes<T> / 2; size > 0; size /= 2) {
        if (!(count & size)) continue;
        for (size_t i = 0; i < size; ++i) to[at + i] = lanes[at + i];
        at += size;
    }
#endif
}

}  // namespace circulant::CIRCULANT_ISA
