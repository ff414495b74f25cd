// The last steps down, what happens to the values, and the first steps up, on a group of leaves.
#pragma once

#include "fft/butterfly.hpp"
#include "fft/exchange.hpp"
#include "fft/tree.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
inline constexpr size_t kGroupScalars = 2 * kGroup * kLanes<T>;

template <class T>
inline constexpr size_t kGroupRootScalars = 2 * kLanes<T> * group_roots(sizeof(T), kLanes<T>);

template <class T>
struct Group {
    Vector<T> re[kGroup], im[kGroup];

    CIRCULANT_INLINE Complex<T> at(size_t k) const { return {re[k], im[k]}; }
    CIRCULANT_INLINE void set(size_t k, Complex<T> value) { re[k] = value.re, im[k] = value.im; }
};

template <class T>
CIRCULANT_INLINE Group<T> load_group(const T* from) {
    Group<T> group;
    CIRCULANT_UNROLL
    for (size_t k = 0; k < kGroup; ++k) group.set(k, load_complex(from + 2 * k * kLanes<T>));
    return group;
}

template <class T>
CIRCULANT_INLINE void store_group(T* to, const Group<T>& group) {
    CIRCULANT_UNROLL
    for (size_t k = 0; k < kGroup; ++k) store_complex(to + 2 * k * kLanes<T>, group.at(k));
}

// Butterflies of each set of `radix` registers, their inputs turned by the roots.
template <size_t radix, class T>
CIRCULANT_INLINE void stage_down(Group<T>& group, const T* roots) {
    CIRCULANT_UNROLL
    for (size_t set = 0; set < kGroup; set += radix) {
        Complex<T> a[radix];
        a[0] = group.at(set);
        CIRCULANT_UNROLL
        for (size_t k = 1; k < radix; ++k, roots += 2 * kLanes<T>) {
            const Complex<T> root = load_complex(roots);
            a[k] = times(group.at(set + k), root.re, root.im);
        }
        butterfly(a);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) group.set(set + k, a[k]);
    }
}

// The inverse of the above, times radix.
template <size_t radix, class T>
CIRCULANT_INLINE void stage_up(Group<T>& group, const T* roots) {
    CIRCULANT_UNROLL
    for (size_t set = 0; set < kGroup; set += radix) {
        Complex<T> a[radix];
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) a[k] = group.at(set + k);
        butterfly(a);
        group.set(set, a[0]);
        CIRCULANT_UNROLL
        for (size_t k = 1; k < radix; ++k, roots += 2 * kLanes<T>) {  // the reversed order is the inverse
            const Complex<T> root = load_complex(roots);
            group.set(set + k, conjugate_times(a[radix - k], root.re, root.im));
        }
    }
}

// Coefficients -> values at the leaves' roots.
template <class T>
CIRCULANT_INLINE void evaluate(Group<T>& group, const T* roots) {
    exchange_blocks<T>(group.re);
    exchange_blocks<T>(group.im);
    stage_down<kBlocks<T>>(group, roots);
    exchange_lanes<T>(group.re);
    exchange_lanes<T>(group.im);
    stage_down<kBlockLanes<T>>(group, roots + 2 * kLanes<T> * stage_roots(kBlocks<T>));
}

// The inverse of the above, times lanes.
template <class T>
CIRCULANT_INLINE void interpolate(Group<T>& group, const T* roots) {
    stage_up<kBlockLanes<T>>(group, roots + 2 * kLanes<T> * stage_roots(kBlocks<T>));
    exchange_lanes<T>(group.re);
    exchange_lanes<T>(group.im);
    stage_up<kBlocks<T>>(group, roots);
    exchange_blocks<T>(group.re);
    exchange_blocks<T>(group.im);
}

// What a walk does at the leaves. `offset` is the group's place in any buffer of coefficients.

// data: coefficients -> values
template <class T>
struct Evaluate {
    static constexpr bool descends = true, ascends = false;
    CIRCULANT_INLINE void operator()(T* data, const T* roots, size_t offset) const {
        Group<T> group = load_group(data + offset);
        evaluate(group, roots);
        store_group(data + offset, group);
    }
};

// data: values -> coefficients
template <class T>
struct Interpolate {
    static constexpr bool descends = false, ascends = true;
    CIRCULANT_INLINE void operator()(T* data, const T* roots, size_t offset) const {
        Group<T> group = load_group(data + offset);
        interpolate(group, roots);
        store_group(data + offset, group);
    }
};

// group times the values (or their conjugates) at `from`.
template <bool conjugated, class T>
CIRCULANT_INLINE void multiply(Group<T>& group, const T* from) {
    CIRCULANT_UNROLL
    for (size_t k = 0; k < kGroup; ++k) {
        const Complex<T> factor = load_complex(from + 2 * k * kLanes<T>);
        group.set(k, conjugated ? conjugate_times(group.at(k), factor.re, factor.im)
                                : times(group.at(k), factor.re, factor.im));
    }
}

// total += group times the conjugates of the values at `from`.
template <class T>
CIRCULANT_INLINE void correlate(const Group<T>& group, const T* from, T* total) {
    CIRCULANT_UNROLL
    for (size_t k = 0; k < kGroup; ++k) {
        const size_t place = 2 * k * kLanes<T>;
        const Complex<T> factor = load_complex(from + place);
        const Complex<T> share = conjugate_times(group.at(k), factor.re, factor.im);
        store_complex(total + place, load_complex(total + place) + share);
    }
}

// Memory that is needed after the walk, fetched while it computes: the part of a row that belongs to the
// group's place, so that the whole row has been asked for when the leaves are done.
struct Ahead {
    const char* read = nullptr;
    const char* written = nullptr;
    size_t bytes = 0;  // of a row

    // share: the group's place among the coefficients, in bytes of a row
    CIRCULANT_INLINE void fetch(size_t share, size_t count) const {
        if (share + count > bytes) return;
        for (size_t line = 0; line < count; line += 64) {
            __builtin_prefetch(read + share + line, 0, 2);
            __builtin_prefetch(written + share + line, 1, 2);
        }
    }
};

// data: coefficients of p -> coefficients of p times the polynomial of the given values (or of the
// conjugate values: the same polynomial in 1/x, a correlation).
template <class T, bool conjugated>
struct Multiply {
    static constexpr bool descends = true, ascends = true;
    const T* values;
    Ahead ahead{};

    CIRCULANT_INLINE void operator()(T* data, const T* roots, size_t offset) const {
        ahead.fetch(offset / 2 * sizeof(T), kGroupScalars<T> / 2 * sizeof(T));
        Group<T> group = load_group(data + offset);
        evaluate(group, roots);
        multiply<conjugated>(group, values + offset);
        interpolate(group, roots);
        store_group(data + offset, group);
    }
};

// total += values of data times conjugate values of other; data is used up.
template <class T>
struct Correlate {
    static constexpr bool descends = true, ascends = false;
    const T* other;
    T* total;

    CIRCULANT_INLINE void operator()(T* data, const T* roots, size_t offset) const {
        Group<T> group = load_group(data + offset);
        evaluate(group, roots);
        correlate(group, other + offset, total + offset);
    }
};

// The above, and data: coefficients of p -> those of p times the conjugate values of the factor.
template <class T>
struct CorrelateAndMultiply {
    static constexpr bool descends = true, ascends = true;
    const T* other;
    const T* factor;
    T* total;

    CIRCULANT_INLINE void operator()(T* data, const T* roots, size_t offset) const {
        Group<T> group = load_group(data + offset);
        evaluate(group, roots);
        correlate(group, other + offset, total + offset);
        multiply<true>(group, factor + offset);
        interpolate(group, roots);
        store_group(data + offset, group);
    }
};

}  // namespace circulant::CIRCULANT_ISA
