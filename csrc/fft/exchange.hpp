// Transposes of small squares between registers and lanes.
//
// A vector consists of blocks of 128 bits. `exchange_blocks` turns the number of a register into the
// number of a block and back, `exchange_lanes` does so with the place inside a block; both work on a
// group of kGroup registers, in sets of as many as there are blocks, or places in a block.
#pragma once

#include "fft/complex.hpp"
#include "fft/group.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
inline constexpr size_t kBlockLanes = block_lanes(sizeof(T), kLanes<T>);

template <class T>
inline constexpr size_t kBlocks = kLanes<T> / kBlockLanes<T>;

// Register e, block b <-> register b, block e, for two or four registers.
template <class T>
CIRCULANT_INLINE void exchange_two_blocks(Vector<T>& a, Vector<T>& b) {
    const Vector<T> low = pick<Halves<false>, T>(a, b);
    b = pick<Halves<true>, T>(a, b);
    a = low;
}

template <class T>
CIRCULANT_INLINE void exchange_four_blocks(Vector<T>& a, Vector<T>& b, Vector<T>& c, Vector<T>& d) {
    constexpr size_t unit = kBlockLanes<T>;
    const Vector<T> low_ab = pick<Halves<false>, T>(a, b), high_ab = pick<Halves<true>, T>(a, b);
    const Vector<T> low_cd = pick<Halves<false>, T>(c, d), high_cd = pick<Halves<true>, T>(c, d);
    a = pick<EveryOther<unit, false>, T>(low_ab, low_cd);
    b = pick<EveryOther<unit, true>, T>(low_ab, low_cd);
    c = pick<EveryOther<unit, false>, T>(high_ab, high_cd);
    d = pick<EveryOther<unit, true>, T>(high_ab, high_cd);
}

template <class T>
CIRCULANT_INLINE void exchange_blocks(Vector<T> (&v)[kGroup]) {
    static_assert(kGroup == 4 && (kBlocks<T> == 1 || kBlocks<T> == 2 || kBlocks<T> == 4));
    if constexpr (kBlocks<T> == 4) exchange_four_blocks<T>(v[0], v[1], v[2], v[3]);
    if constexpr (kBlocks<T> == 2) {
        exchange_two_blocks<T>(v[0], v[1]);
        exchange_two_blocks<T>(v[2], v[3]);
    }
}

// Register e, place p of each block <-> register p, place e.
template <class T>
CIRCULANT_INLINE void exchange_two_lanes(Vector<T>& a, Vector<T>& b) {
    const Vector<T> first = pick<Interleave<2, 1, false>, T>(a, b);
    b = pick<Interleave<2, 1, true>, T>(a, b);
    a = first;
}

template <class T>
CIRCULANT_INLINE void exchange_four_lanes(Vector<T>& a, Vector<T>& b, Vector<T>& c, Vector<T>& d) {
    const Vector<T> low_ab = pick<Interleave<4, 1, false>, T>(a, b);
    const Vector<T> high_ab = pick<Interleave<4, 1, true>, T>(a, b);
    const Vector<T> low_cd = pick<Interleave<4, 1, false>, T>(c, d);
    const Vector<T> high_cd = pick<Interleave<4, 1, true>, T>(c, d);
    a = pick<Interleave<4, 2, false>, T>(low_ab, low_cd);
    b = pick<Interleave<4, 2, true>, T>(low_ab, low_cd);
    c = pick<Interleave<4, 2, false>, T>(high_ab, high_cd);
    d = pick<Interleave<4, 2, true>, T>(high_ab, high_cd);
}

template <class T>
CIRCULANT_INLINE void exchange_lanes(Vector<T> (&v)[kGroup]) {
    static_assert(kBlockLanes<T> == 2 || kBlockLanes<T> == 4);
    if constexpr (kBlockLanes<T> == 4) exchange_four_lanes<T>(v[0], v[1], v[2], v[3]);
    if constexpr (kBlockLanes<T> == 2) {
        exchange_two_lanes<T>(v[0], v[1]);
        exchange_two_lanes<T>(v[2], v[3]);
    }
}

}  // namespace circulant::CIRCULANT_ISA
