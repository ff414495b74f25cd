// The channels of a pixel as vectors: of the machine's width, or narrower where there are fewer channels.
#pragma once

#include "core/simd.hpp"

namespace circulant::CIRCULANT_ISA {

// Numbers of so many channels: a register, or a part of one where a group has fewer channels.
template <class T, size_t n>
struct Channels {
    typedef T type __attribute__((vector_size(n * sizeof(T))));

    CIRCULANT_INLINE static type load(const T* from) {
        type value;
        __builtin_memcpy(&value, from, sizeof value);
        return value;
    }
    CIRCULANT_INLINE static void store(T* to, type value) { __builtin_memcpy(to, &value, sizeof value); }
};

template <class T>
struct Channels<T, 1> {
    using type = T;
    CIRCULANT_INLINE static type load(const T* from) { return *from; }
    CIRCULANT_INLINE static void store(T* to, type value) { *to = value; }
};

// Calls part.operator()<n, vectors>(channel) for pieces that cover the channels of a pixel.
template <class T, size_t n = kLanes<T> / 2, class Part>
CIRCULANT_INLINE void over_channels(size_t padded, const Part& part) {
    constexpr size_t lanes = kLanes<T>;
    if (padded < lanes) {
        if constexpr (n > 1) {
            if (padded != n) return over_channels<T, n / 2>(padded, part);
        }
        return part.template operator()<n, 1>(0);
    }
    size_t channel = 0;
    for (; channel + 4 * lanes <= padded; channel += 4 * lanes) part.template operator()<lanes, 4>(channel);
    for (; channel + 2 * lanes <= padded; channel += 2 * lanes) part.template operator()<lanes, 2>(channel);
    if (channel < padded) part.template operator()<lanes, 1>(channel);
}

}  // namespace circulant::CIRCULANT_ISA
