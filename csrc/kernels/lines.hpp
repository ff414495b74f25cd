// Lines of numbers, copied with zeros where nothing lies.
#pragma once

#include "core/convert.hpp"

namespace circulant::CIRCULANT_ISA {

// A copy takes the numbers first, first + step, ... of a line of `size`; first may lie before the line.
struct LinePart {
    size_t size;
    std::ptrdiff_t first;
    size_t step;
};

// Places begin .. end - 1 of a copy meet the line.
struct LineMeets {
    size_t begin, end;
};

CIRCULANT_INLINE LineMeets meets(LinePart part, size_t width) {
    const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(part.step);
    const std::ptrdiff_t left = static_cast<std::ptrdiff_t>(part.size) - part.first;
    const size_t before = part.first < 0 ? static_cast<size_t>((step - 1 - part.first) / step) : 0;
    const size_t until = left > 0 ? static_cast<size_t>((left + step - 1) / step) : 0;
    const size_t end = until < width ? until : width;
    return {before < end ? before : end, end};
}

// to[j] = line[first + j step] where it meets the line and zero elsewhere, for j < width. Up to a vector
// behind the last is overwritten: copy lines in the order of their places.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void copy_line(const S* line, LinePart part, LineMeets where, size_t width, T* to) {
    constexpr size_t lanes = kLanes<T>;
    const S* const from = line + part.first;
    for (size_t j = 0; j < where.begin; j += lanes) store(to + j, Vector<T>{});
    size_t j = where.begin;
    if (part.step == 1) {
        for (; j + lanes <= where.end; j += lanes) store(to + j, widen(from + j));
        if (j < where.end) {
            store(to + j, widen_between(from + j, 0, where.end - j));
            j += lanes;
        }
    } else {
        for (; j < where.end; ++j) to[j] = widen_one(from[j * part.step]);
    }
    for (; j < width; j += lanes) store(to + j, Vector<T>{});
}

// `count` numbers of each of `lines` lines, with zeros up to a whole vector behind them. What follows on
// those lines is fetched: a processor foresees few streams, and here there is one for each tap.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void copy_lines(const S* from, size_t from_step, size_t lines, size_t count, T* to,
                                 size_t to_step) {
    constexpr size_t lanes = kLanes<T>;
    size_t j = 0;
    for (; j + lanes <= count; j += lanes)
        for (size_t i = 0; i < lines; ++i) {
            const S* const numbers = from + i * from_step + j;
            __builtin_prefetch(numbers + count);
            store(to + i * to_step + j, widen(numbers));
        }
    if (j == count) return;
    for (size_t i = 0; i < lines; ++i)
        store(to + i * to_step + j, widen_between(from + i * from_step + j, 0, count - j));
}

// to[j step] = from[j] for j < count.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void store_line(const T* from, size_t count, S* to, size_t step) {
    constexpr size_t lanes = kLanes<T>;
    if (step != 1) {
        for (size_t j = 0; j < count; ++j) to[j * step] = narrow_one<S>(from[j]);
        return;
    }
    size_t j = 0;
    for (; j + lanes <= count; j += lanes) narrow(to + j, load(from + j));
    if (j < count) narrow_first(to + j, load(from + j), count - j);
}

}  // namespace circulant::CIRCULANT_ISA
