// Fills a strip: rows of a plane widened, surrounded and sorted by phase.
#pragma once

#include "core/convert.hpp"
#include "kernels/strip.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
CIRCULANT_INLINE void fill(T* to, size_t count, T value) {
    for (size_t i = 0; i < count; ++i) to[i] = value;
}

template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void spread_row(const S* from, size_t count, size_t step, T* to) {
    if (step == 1) return widen_row(from, count, to);
    for (size_t q = 0; q < count; ++q) to[q] = widen_one(from[q * step]);
}

// to[q] = number `column` + q step of the padded row.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void fill_phase(const Strip& strip, const S* row, size_t column, T outside, T* to) {
    const size_t step = strip.step, before = strip.before_columns, after = before + strip.width;
    size_t first = column >= before ? 0 : (before - column + step - 1) / step;
    size_t last = column >= after ? 0 : (after - column + step - 1) / step;
    first = first < strip.phase_width ? first : strip.phase_width;
    last = last < strip.phase_width ? last : strip.phase_width;
    last = last > first ? last : first;
    fill(to, first, outside);
    if (first < last) spread_row(row + (column + first * step - before), last - first, step, to + first);
    fill(to + last, strip.phase_width - last, outside);
}

// Padded rows row .. row + rows - 1 from the padded column on.
template <class S, class T = Arithmetic<S>>
void fill_strip(const Strip& strip, const S* plane, size_t row, size_t rows, size_t column, T outside, T* to) {
    for (size_t i = row; i < row + rows; ++i, to += strip.row_scalars()) {
        if (i < strip.before_rows || i - strip.before_rows >= strip.height) {
            fill(to, strip.row_scalars(), outside);
            continue;
        }
        const S* const from = plane + (i - strip.before_rows) * strip.width;
        for (size_t phase = 0; phase < strip.step; ++phase)
            fill_phase(strip, from, column + phase, outside, to + phase * strip.phase_width);
    }
}

}  // namespace circulant::CIRCULANT_ISA
