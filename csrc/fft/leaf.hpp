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

// Groups in step: what one waits for gives another time to compute. A group takes 8 registers.
inline constexpr size_t kAbreast = CIRCULANT_VECTOR_BYTES == 64 ? 2 : 1;

template <size_t count, class T>
CIRCULANT_INLINE void load_groups(const T* from, Group<T> (&groups)[count]) {
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count * kGroup; ++i)
        groups[i / kGroup].set(i % kGroup, load_complex(from + 2 * i * kLanes<T>));
}

template <size_t count, class T>
CIRCULANT_INLINE void store_groups(T* to, const Group<T> (&groups)[count]) {
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count * kGroup; ++i)
        store_complex(to + 2 * i * kLanes<T>, groups[i / kGroup].at(i % kGroup));
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

template <class T>
CIRCULANT_INLINE void exchange_blocks(Group<T>& group) {
    exchange_blocks<T>(group.re);
    exchange_blocks<T>(group.im);
}

template <class T>
CIRCULANT_INLINE void exchange_lanes(Group<T>& group) {
    exchange_lanes<T>(group.re);
    exchange_lanes<T>(group.im);
}

template <class T>
inline constexpr size_t kFirstRootScalars = 2 * kLanes<T> * stage_roots(kBlocks<T>);

// Coefficients -> values at the leaves' roots.
template <size_t count, class T>
CIRCULANT_INLINE void evaluate(Group<T> (&groups)[count], const T* roots) {
    const T* const last = roots + kFirstRootScalars<T>;
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count; ++i) exchange_blocks(groups[i]);
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count; ++i) stage_down<kBlocks<T>>(groups[i], roots + i * kGroupRootScalars<T>);
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count; ++i) exchange_lanes(groups[i]);
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count; ++i) stage_down<kBlockLanes<T>>(groups[i], last + i * kGroupRootScalars<T>);
}

// The inverse of the above, times lanes.
template <size_t count, class T>
CIRCULANT_INLINE void interpolate(Group<T> (&groups)[count], const T* roots) {
    const T* const last = roots + kFirstRootScalars<T>;
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count; ++i) stage_up<kBlockLanes<T>>(groups[i], last + i * kGroupRootScalars<T>);
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count; ++i) exchange_lanes(groups[i]);
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count; ++i) stage_up<kBlocks<T>>(groups[i], roots + i * kGroupRootScalars<T>);
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count; ++i) exchange_blocks(groups[i]);
}

// Memory that is needed after the walk, fetched while it computes: the part of a row that belongs to the
// group's place, so that the whole row has been asked for when the leaves are done.
struct Ahead {
    const char* read = nullptr;
    const char* written = nullptr;
    size_t bytes = 0;  // of a row

    template <class T>
    CIRCULANT_INLINE void fetch(size_t offset, size_t groups) const {
        const size_t share = offset / 2 * sizeof(T), count = groups * kGroupScalars<T> / 2 * sizeof(T);
        if (share + count > bytes) return;
        for (size_t line = 0; line < count; line += 64) {
            __builtin_prefetch(read + share + line, 0, 2);
            __builtin_prefetch(written + share + line, 1, 2);
        }
    }
};

// groups times the values (or their conjugates) at `from`.
template <bool conjugated, size_t count, class T>
CIRCULANT_INLINE void multiply(Group<T> (&groups)[count], const T* from) {
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count * kGroup; ++i) {
        Group<T>& group = groups[i / kGroup];
        const Complex<T> factor = load_complex(from + 2 * i * kLanes<T>), value = group.at(i % kGroup);
        group.set(i % kGroup, conjugated ? conjugate_times(value, factor.re, factor.im)
                                         : times(value, factor.re, factor.im));
    }
}

// total += groups times the conjugates of the values at `from`.
template <size_t count, class T>
CIRCULANT_INLINE void correlate(const Group<T> (&groups)[count], const T* from, T* total) {
    CIRCULANT_UNROLL
    for (size_t i = 0; i < count * kGroup; ++i) {
        const size_t place = 2 * i * kLanes<T>;
        const Complex<T> factor = load_complex(from + place);
        const Complex<T> share = conjugate_times(groups[i / kGroup].at(i % kGroup), factor.re, factor.im);
        store_complex(total + place, load_complex(total + place) + share);
    }
}

// What a walk does at the leaves: visit<count>(data, roots, offset) with `count` groups, whose place in any
// buffer of coefficients is `offset`.

// data: coefficients -> values
template <class T>
struct Evaluate {
    static constexpr bool descends = true, ascends = false;
    Ahead ahead{};

    template <size_t count>
    CIRCULANT_INLINE void visit(T* data, const T* roots, size_t offset) const {
        ahead.fetch<T>(offset, count);
        Group<T> groups[count];
        load_groups(data + offset, groups);
        evaluate(groups, roots);
        store_groups(data + offset, groups);
    }
};

// data: values -> coefficients
template <class T>
struct Interpolate {
    static constexpr bool descends = false, ascends = true;

    template <size_t count>
    CIRCULANT_INLINE void visit(T* data, const T* roots, size_t offset) const {
        Group<T> groups[count];
        load_groups(data + offset, groups);
        interpolate(groups, roots);
        store_groups(data + offset, groups);
    }
};

// data: coefficients of p -> coefficients of p times the polynomial of the given values (or of the
// conjugate values: the same polynomial in 1/x, a correlation).
template <class T, bool conjugated>
struct Multiply {
    static constexpr bool descends = true, ascends = true;
    const T* values;
    Ahead ahead{};

    template <size_t count>
    CIRCULANT_INLINE void visit(T* data, const T* roots, size_t offset) const {
        ahead.fetch<T>(offset, count);
        Group<T> groups[count];
        load_groups(data + offset, groups);
        evaluate(groups, roots);
        multiply<conjugated>(groups, values + offset);
        interpolate(groups, roots);
        store_groups(data + offset, groups);
    }
};

// total += values of data times conjugate values of other; data is used up.
template <class T>
struct Correlate {
    static constexpr bool descends = true, ascends = false;
    const T* other;
    T* total;
    Ahead ahead{};

    template <size_t count>
    CIRCULANT_INLINE void visit(T* data, const T* roots, size_t offset) const {
        ahead.fetch<T>(offset, count);
        Group<T> groups[count];
        load_groups(data + offset, groups);
        evaluate(groups, roots);
        correlate(groups, other + offset, total + offset);
    }
};

// The above, and data: coefficients of p -> those of p times the conjugate values of the factor.
template <class T>
struct CorrelateAndMultiply {
    static constexpr bool descends = true, ascends = true;
    const T* other;
    const T* factor;
    T* total;
    Ahead ahead{};

    template <size_t count>
    CIRCULANT_INLINE void visit(T* data, const T* roots, size_t offset) const {
        ahead.fetch<T>(offset, count);
        Group<T> groups[count];
        load_groups(data + offset, groups);
        evaluate(groups, roots);
        correlate(groups, other + offset, total + offset);
        multiply<true>(groups, factor + offset);
        interpolate(groups, roots);
        store_groups(data + offset, groups);
    }
};

template <class T, class Leaf>
void visit_groups(const TreeView<T>& tree, size_t first, size_t last, const Leaf& leaf, T* data) {
    const auto visit = [&]<size_t count>(size_t group) {
        const T* const roots = tree.leaf_roots + group * kGroupRootScalars<T>;
        leaf.template visit<count>(data, roots, group * kGroupScalars<T>);
    };
    for (; first + kAbreast <= last; first += kAbreast) visit.template operator()<kAbreast>(first);
    for (; first < last; ++first) visit.template operator()<1>(first);
}

}  // namespace circulant::CIRCULANT_ISA
