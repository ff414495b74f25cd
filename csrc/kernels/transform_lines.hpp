// Lines from memory into lanes and back.
#pragma once

#include "core/convert.hpp"
#include "core/transpose.hpp"
#include "fft/complex.hpp"

namespace circulant::CIRCULANT_ISA {

// One line for each lane. Lanes from `count` on repeat the last line; nothing is written for them.
template <class T>
struct Lanes {
    size_t starts[kLanes<T>];  // scalars from the beginning of the tensor
    size_t count;
    size_t step;    // scalars from an element to the next
    bool adjacent;  // all lanes there, each one scalar (or pair) after the one before
};

// Squares begin at multiples of the lanes, the last one where it ends with the line.
CIRCULANT_INLINE size_t square_start(size_t i, size_t lanes, size_t count) {
    return i + lanes <= count ? i : count - lanes;
}

// place(i) says where the vector of scalar i goes, i < count.
template <class T, class Place>
CIRCULANT_INLINE void load_rows(const T* from, const Lanes<T>& lanes, size_t count, const Place& place) {
    Vector<T> square[kLanes<T>];
    if (count < kLanes<T>) {
        for (size_t lane = 0; lane < kLanes<T>; ++lane)
            square[lane] = widen_between<T>(from + lanes.starts[lane], 0, count);
        transpose<T>(square);
        for (size_t k = 0; k < count; ++k) store(place(k), square[k]);
        return;
    }
    for (size_t i = 0; i < count; i += kLanes<T>) {
        const size_t at = square_start(i, kLanes<T>, count);
        CIRCULANT_UNROLL
        for (size_t lane = 0; lane < kLanes<T>; ++lane) square[lane] = load(from + lanes.starts[lane] + at);
        transpose<T>(square);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < kLanes<T>; ++k) store(place(at + k), square[k]);
    }
}

// value(i) gives the vector of scalar i.
template <class T, class Value>
CIRCULANT_INLINE void store_rows(T* to, const Lanes<T>& lanes, size_t count, const Value& value) {
    Vector<T> square[kLanes<T>];
    if (count < kLanes<T>) {
        for (size_t k = 0; k < kLanes<T>; ++k) square[k] = value(k < count ? k : 0);
        transpose<T>(square);
        for (size_t lane = 0; lane < lanes.count; ++lane) narrow_first<T>(to + lanes.starts[lane], square[lane], count);
        return;
    }
    for (size_t i = 0; i < count; i += kLanes<T>) {
        const size_t at = square_start(i, kLanes<T>, count);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < kLanes<T>; ++k) square[k] = value(at + k);
        transpose<T>(square);
        CIRCULANT_UNROLL
        for (size_t lane = 0; lane < kLanes<T>; ++lane)
            if (lane < lanes.count) store(to + lanes.starts[lane] + at, square[lane]);
    }
}

// Real lines: `count` scalars of each.
template <class T, class Place>
CIRCULANT_INLINE void load_real(const T* from, const Lanes<T>& lanes, size_t count, const Place& place) {
    if (lanes.step == 1) return load_rows(from, lanes, count, place);
    for (size_t i = 0; i < count; ++i) {
        const T* const at = from + i * lanes.step;
        if (lanes.adjacent) {
            store(place(i), load(at + lanes.starts[0]));
            continue;
        }
        T values[kLanes<T>];
        for (size_t lane = 0; lane < kLanes<T>; ++lane) values[lane] = at[lanes.starts[lane]];
        store(place(i), load(values));
    }
}

template <class T, class Value>
CIRCULANT_INLINE void store_real(T* to, const Lanes<T>& lanes, size_t count, const Value& value) {
    if (lanes.step == 1) return store_rows(to, lanes, count, value);
    for (size_t i = 0; i < count; ++i) {
        T* const at = to + i * lanes.step;
        if (lanes.adjacent) {
            store(at + lanes.starts[0], value(i));
            continue;
        }
        T values[kLanes<T>];
        store(values, value(i));
        for (size_t lane = 0; lane < lanes.count; ++lane) at[lanes.starts[lane]] = values[lane];
    }
}

// Complex lines of `count` pairs into a buffer; `swapped` exchanges real and imaginary parts.
template <class T>
void load_complex_lines(const T* from, const Lanes<T>& lanes, size_t count, bool swapped, T* data) {
    const size_t first = swapped ? 1 : 0;
    const auto place = [&](size_t i) { return data + (i ^ first) * kLanes<T>; };
    if (lanes.step == 2) return load_rows(from, lanes, 2 * count, place);
    for (size_t k = 0; k < count; ++k) {
        const T* const at = from + k * lanes.step;
        T pairs[2 * kLanes<T>];
        if (!lanes.adjacent)
            for (size_t lane = 0; lane < kLanes<T>; ++lane)
                __builtin_memcpy(pairs + 2 * lane, at + lanes.starts[lane], 2 * sizeof(T));
        const T* const source = lanes.adjacent ? at + lanes.starts[0] : pairs;
        const Vector<T> a = load(source), b = load(source + kLanes<T>);
        store(place(2 * k), pick<EveryOther<1, false>, T>(a, b));
        store(place(2 * k + 1), pick<EveryOther<1, true>, T>(a, b));
    }
}

template <class T>
void store_complex_lines(const T* data, const Lanes<T>& lanes, size_t count, bool swapped, T scale, T* to) {
    const size_t first = swapped ? 1 : 0;
    const auto value = [&](size_t i) { return load(data + (i ^ first) * kLanes<T>) * scale; };
    if (lanes.step == 2) return store_rows(to, lanes, 2 * count, value);
    for (size_t k = 0; k < count; ++k) {
        T* const at = to + k * lanes.step;
        const Vector<T> re = value(2 * k), im = value(2 * k + 1);
        const Vector<T> a = pick<Interleave<kLanes<T>, 1, false>, T>(re, im);
        const Vector<T> b = pick<Interleave<kLanes<T>, 1, true>, T>(re, im);
        if (lanes.adjacent) {
            store(at + lanes.starts[0], a);
            store(at + lanes.starts[0] + kLanes<T>, b);
            continue;
        }
        T pairs[2 * kLanes<T>];
        store(pairs, a);
        store(pairs + kLanes<T>, b);
        for (size_t lane = 0; lane < lanes.count; ++lane)
            __builtin_memcpy(at + lanes.starts[lane], pairs + 2 * lane, 2 * sizeof(T));
    }
}

}  // namespace circulant::CIRCULANT_ISA
