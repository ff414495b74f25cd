// As many rows at once as a vector has lanes. Segments of the rows are transposed, so that a vector holds
// one step of every row; the steps then follow each other as in the equation.
#pragma once

#include "core/convert.hpp"
#include "core/transpose.hpp"
#include "kernels/recurrence_job.hpp"

namespace circulant::CIRCULANT_ISA {

// The rows of a group; lanes behind the last row read it again and are not stored.
template <class S>
struct RowGroup {
    size_t first, count, row_scalars;

    CIRCULANT_INLINE size_t start(size_t lane) const {
        return (first + (lane < count ? lane : count - 1)) * row_scalars;
    }
};

// A segment is turned before any of its steps: turning has no order to wait for, stepping has.
inline constexpr size_t kSegment = 64;

// Scalars at .. at + kept - 1 of every row, one vector for each. Those from `next` on are asked for: the
// machine foresees neither so many rows nor rows that are read backwards.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void load_segment(const RowGroup<S>& group, const S* data, size_t at, size_t kept, size_t next,
                                   T* segment) {
    constexpr size_t lanes = kLanes<T>;
    for (size_t first = 0; first < kept; first += lanes) {
        Vector<T> tile[lanes];
        if (first + lanes <= kept) {
            CIRCULANT_UNROLL
            for (size_t i = 0; i < lanes; ++i) {
                const S* const row = data + group.start(i) + first;
                __builtin_prefetch(row + next);
                tile[i] = widen(row + at);
            }
        } else {
            for (size_t i = 0; i < lanes; ++i) {
                const S* const from = data + group.start(i) + at + first;
                T numbers[lanes] = {};
                for (size_t j = 0; j < kept - first; ++j) numbers[j] = widen_one(from[j]);
                tile[i] = load(numbers);
            }
        }
        transpose<T>(tile);
        CIRCULANT_UNROLL
        for (size_t i = 0; i < lanes; ++i) store(segment + (first + i) * lanes, tile[i]);
    }
}

template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void store_segment(const RowGroup<S>& group, const T* segment, size_t at, size_t kept, size_t next, S* data) {
    constexpr size_t lanes = kLanes<T>;
    for (size_t first = 0; first < kept; first += lanes) {
        Vector<T> tile[lanes];
        CIRCULANT_UNROLL
        for (size_t i = 0; i < lanes; ++i) tile[i] = load(segment + (first + i) * lanes);
        transpose<T>(tile);
        const bool whole = first + lanes <= kept && group.count == lanes;
        CIRCULANT_UNROLL
        for (size_t i = 0; i < lanes; ++i) {
            S* const to = data + group.start(i) + at + first;
            __builtin_prefetch(data + group.start(i) + next + first, 1);
            if (whole)
                narrow(to, tile[i]);
            else if (i < group.count)
                narrow_first(to, tile[i], kept - first < lanes ? kept - first : lanes);
        }
    }
}

// A value of every row: real, or the two parts of a complex number.
template <class T, bool complex>
struct Lanes {
    Vector<T> real, imaginary;
};

template <class T>
CIRCULANT_INLINE Lanes<T, false> step(const Lanes<T, false>& a, const Lanes<T, false>& h, const Lanes<T, false>& x) {
    return {a.real * h.real + x.real, Vector<T>{}};
}

template <class T>
CIRCULANT_INLINE Lanes<T, true> step(const Lanes<T, true>& a, const Lanes<T, true>& h, const Lanes<T, true>& x) {
    return {a.real * h.real - (a.imaginary * h.imaginary - x.real),
            a.real * h.imaginary + (a.imaginary * h.real + x.imaginary)};
}

template <class T, bool complex>
CIRCULANT_INLINE Lanes<T, complex> conjugate(const Lanes<T, complex>& number) {
    return {number.real, -number.imaginary};
}

template <class T, bool complex>
CIRCULANT_INLINE Lanes<T, complex> load_step(const T* segment, size_t index) {
    if constexpr (complex)
        return {load(segment + 2 * index * kLanes<T>), load(segment + (2 * index + 1) * kLanes<T>)};
    else
        return {load(segment + index * kLanes<T>), Vector<T>{}};
}

// One number for each row: its initial state, or its channel's a.
template <class S, bool complex, class T = Arithmetic<S>>
CIRCULANT_INLINE Lanes<T, complex> gather(const RowGroup<S>& group, const S* data, size_t modulo) {
    constexpr size_t width = complex ? 2 : 1;
    T numbers[2][kLanes<T>] = {};
    for (size_t i = 0; i < kLanes<T>; ++i)
        for (size_t part = 0; part < width; ++part) {
            const size_t row = group.first + (i < group.count ? i : group.count - 1);
            numbers[part][i] = widen_one(data[row % modulo * width + part]);
        }
    return {load(numbers[0]), load(numbers[1])};
}

// What a row carries from step to step: the state, and the factor that it meets next.
template <class T, bool complex>
struct Carry {
    Lanes<T, complex> state, factor;
};

// The steps of a segment: x becomes h. a: a factor for each step; without, the carried one stays.
template <bool varying, bool complex, bool adjoint, class T>
CIRCULANT_INLINE void run_steps(const T* a, size_t steps, T* x, Carry<T, complex>& carry) {
    constexpr size_t width = complex ? 2 : 1;
    for (size_t i = 0; i < steps; ++i) {
        const size_t index = adjoint ? steps - 1 - i : i;
        if constexpr (varying && !adjoint) carry.factor = load_step<T, complex>(a, index);
        carry.state = step<T>(carry.factor, carry.state, load_step<T, complex>(x, index));
        if constexpr (varying && adjoint) carry.factor = conjugate(load_step<T, complex>(a, index));
        T* const to = x + index * width * kLanes<T>;
        store(to, carry.state.real);
        if constexpr (complex) store(to + kLanes<T>, carry.state.imaginary);
    }
}

template <class S, bool varying, bool complex, bool adjoint, class T = Arithmetic<S>>
void run_group(const RecurrenceJob<S>& job, const RowGroup<S>& group) {
    constexpr size_t width = complex ? 2 : 1;
    Carry<T, complex> carry = {};
    if (job.initial != nullptr) carry.state = gather<S, complex>(group, job.initial, job.rows);
    if constexpr (!varying) carry.factor = gather<S, complex>(group, job.a, job.channels);
    if constexpr (!varying && adjoint) carry.factor = conjugate(carry.factor);
    alignas(64) T a[varying ? kSegment * kLanes<T> : 1], x[kSegment * kLanes<T>];
    const size_t segments = (job.row_scalars + kSegment - 1) / kSegment;
    for (size_t segment = 0; segment < segments; ++segment) {
        const size_t at = (adjoint ? segments - 1 - segment : segment) * kSegment;
        const size_t left = job.row_scalars - at, kept = left < kSegment ? left : kSegment;
        const size_t next = adjoint ? at - (at > 0 ? kSegment : 0) : segment + 1 < segments ? at + kSegment : at;
        load_segment(group, job.x, at, kept, next, x);
        if constexpr (varying) load_segment(group, job.a, at, kept, next, a);
        run_steps<varying, complex, adjoint>(a, kept / width, x, carry);
        store_segment(group, x, at, kept, next, job.h);
    }
}

template <class S, bool varying, bool complex, bool adjoint>
void run_rows(const RecurrenceJob<S>& job, size_t first, size_t last) {
    constexpr size_t lanes = kLanes<Arithmetic<S>>;
    for (size_t group = first; group < last; ++group) {
        const size_t row = group * lanes, left = job.rows - row;
        run_group<S, varying, complex, adjoint>(job, RowGroup<S>{row, left < lanes ? left : lanes, job.row_scalars});
    }
}

}  // namespace circulant::CIRCULANT_ISA
