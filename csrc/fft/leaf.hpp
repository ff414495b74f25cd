// The last step down, what happens to the values, and the first step up, on `lanes` leaves at once.
//
// A group of leaves is a square of lanes x lanes coefficients. Transposed, each lane is one leaf, and
// the rest of the transform is the same arithmetic in all lanes.
#pragma once

#include "fft/butterfly.hpp"
#include "fft/tree.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
inline constexpr size_t kGroupScalars = 2 * kLanes<T> * kLanes<T>;

template <class T>
struct Group {
    Complex<T> at[kLanes<T>];
};

template <class T>
CIRCULANT_INLINE void transpose(Group<T>& group) {
    Vector<T> re[kLanes<T>], im[kLanes<T>];
    CIRCULANT_UNROLL
    for (size_t k = 0; k < kLanes<T>; ++k) re[k] = group.at[k].re, im[k] = group.at[k].im;
    transpose<T>(re);
    transpose<T>(im);
    CIRCULANT_UNROLL
    for (size_t k = 0; k < kLanes<T>; ++k) group.at[k] = {re[k], im[k]};
}

template <class T>
CIRCULANT_INLINE Group<T> load_group(const T* from) {
    Group<T> group;
    CIRCULANT_UNROLL
    for (size_t k = 0; k < kLanes<T>; ++k) group.at[k] = load_complex(from + 2 * k * kLanes<T>);
    return group;
}

template <class T>
CIRCULANT_INLINE void store_group(T* to, const Group<T>& group) {
    CIRCULANT_UNROLL
    for (size_t k = 0; k < kLanes<T>; ++k) store_complex(to + 2 * k * kLanes<T>, group.at[k]);
}

// Coefficients -> values at the leaves' roots.
template <class T>
CIRCULANT_INLINE Group<T> evaluate(const T* coefficients, const T* roots) {
    Group<T> group = load_group(coefficients);
    transpose(group);
    CIRCULANT_UNROLL
    for (size_t k = 1; k < kLanes<T>; ++k) {
        const Complex<T> root = load_complex(roots + 2 * (k - 1) * kLanes<T>);
        group.at[k] = times(group.at[k], root.re, root.im);
    }
    transform_registers<kLanes<T>>(group.at);
    return group;
}

// The inverse of the above, times lanes.
template <class T>
CIRCULANT_INLINE void interpolate(Group<T> group, T* coefficients, const T* roots) {
    restore_registers<kLanes<T>>(group.at);
    CIRCULANT_UNROLL
    for (size_t k = 1; k < kLanes<T>; ++k) {
        const Complex<T> root = load_complex(roots + 2 * (k - 1) * kLanes<T>);
        group.at[k] = conjugate_times(group.at[k], root.re, root.im);
    }
    transpose(group);
    store_group(coefficients, group);
}

// What a walk does at the leaves. `offset` is the group's place in any buffer of coefficients.

// data: coefficients -> values
template <class T>
struct Evaluate {
    static constexpr bool descends = true, ascends = false;
    CIRCULANT_INLINE void operator()(T* data, const T* roots, size_t offset) const {
        store_group(data + offset, evaluate(data + offset, roots));
    }
};

// data: values -> coefficients
template <class T>
struct Interpolate {
    static constexpr bool descends = false, ascends = true;
    CIRCULANT_INLINE void operator()(T* data, const T* roots, size_t offset) const {
        interpolate(load_group(data + offset), data + offset, roots);
    }
};

// data: coefficients of p -> coefficients of p times the polynomial of the given values (or of the
// conjugate values: the same polynomial in 1/x, a correlation).
template <class T, bool conjugated>
struct Multiply {
    static constexpr bool descends = true, ascends = true;
    const T* values;

    CIRCULANT_INLINE void operator()(T* data, const T* roots, size_t offset) const {
        Group<T> group = evaluate(data + offset, roots);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < kLanes<T>; ++k) {
            const Complex<T> factor = load_complex(values + offset + 2 * k * kLanes<T>);
            group.at[k] = conjugated ? conjugate_times(group.at[k], factor.re, factor.im)
                                     : times(group.at[k], factor.re, factor.im);
        }
        interpolate(group, data + offset, roots);
    }
};

// total += values of data times conjugate values of other; data is used up.
template <class T>
struct Correlate {
    static constexpr bool descends = true, ascends = false;
    const T* other;
    T* total;

    CIRCULANT_INLINE void operator()(T* data, const T* roots, size_t offset) const {
        const Group<T> group = evaluate(data + offset, roots);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < kLanes<T>; ++k) {
            const size_t place = offset + 2 * k * kLanes<T>;
            const Complex<T> factor = load_complex(other + place);
            const Complex<T> share = conjugate_times(group.at[k], factor.re, factor.im);
            store_complex(total + place, load_complex(total + place) + share);
        }
    }
};

}  // namespace circulant::CIRCULANT_ISA
