// Windows of any width by doubling: what two neighbouring windows of width w give is that of width 2 w.
#pragma once

#include "core/convert.hpp"
#include "kernels/sliding_pool_job.hpp"
#include "kernels/strip_rows.hpp"

namespace circulant::CIRCULANT_ISA {

// values[i] becomes it and from[i] joined, first to last: `from` may point further into the values.
template <class Pool, class T>
CIRCULANT_INLINE void join_shifted(const T* from, size_t count, T* values) {
    size_t i = 0;
    for (; i + kLanes<T> <= count; i += kLanes<T>)
        store(values + i, Pool::template join<Vector<T>>(load(values + i), load(from + i)));
    for (; i < count; ++i) values[i] = Pool::template join<T>(values[i], from[i]);
}

struct LargestValue {
    template <class T>
    static constexpr T outside = -static_cast<T>(__builtin_inf());

    // NaN where one of them is. Numbers or vectors.
    template <class V>
    CIRCULANT_INLINE static V join(V a, V b) {
        return (a > b) | (a != a) ? a : b;
    }

    // values[i] becomes the largest of values[i + t unit], t < taps; for `count` numbers in all. Windows
    // may overlap: a value that counts twice changes nothing.
    template <class T>
    static T* slide(T* values, T*, size_t count, size_t taps, size_t unit) {
        size_t width = 1;
        for (; 2 * width <= taps; width *= 2)
            join_shifted<LargestValue>(values + width * unit, count - width * unit, values);
        if (width < taps) {
            const size_t shift = (taps - width) * unit;
            join_shifted<LargestValue>(values + shift, count - shift, values);
        }
        return values;
    }

    template <class V, class T>
    CIRCULANT_INLINE static V finish(V value, T) {
        return value;
    }
};

struct Average {
    template <class T>
    static constexpr T outside = T{0};

    template <class V>
    CIRCULANT_INLINE static V join(V a, V b) {
        return a + b;
    }

    // The same for sums, which must not overlap: windows of the widths that make up the number of taps.
    template <class T>
    static T* slide(T* values, T* sums, size_t count, size_t taps, size_t unit) {
        const size_t results = count - (taps - 1) * unit;
        size_t done = 0;
        for (size_t width = 1;; width *= 2) {
            if (taps & width) {
                if (done == 0)
                    __builtin_memcpy(sums, values, results * sizeof(T));
                else
                    join_shifted<Average>(values + done * unit, results, sums);
                done += width;
            }
            if (done == taps) return sums;
            join_shifted<Average>(values + width * unit, count - width * unit, values);
            count -= width * unit;
        }
    }

    template <class V, class T>
    CIRCULANT_INLINE static V finish(V value, T taps) {
        return value / taps;
    }
};

template <class Pool, class S, class T = Arithmetic<S>>
void write_row(const T* from, size_t columns, size_t step, T taps, S* to) {
    size_t j = 0;
    for (; step == 1 && j + kLanes<T> <= columns; j += kLanes<T>)
        narrow(to + j, Pool::template finish<Vector<T>>(load(from + j), taps));
    for (; j < columns; ++j) to[j] = narrow_one<S>(Pool::template finish<T>(from[j * step], taps));
}

// One tile: along the columns, then along the rows, over the strip as one run of numbers. What windows
// across the end of a row give lies in columns that are not outputs.
template <class Pool, class S, class T = Arithmetic<S>>
void pool_tile(const SlidingPoolJob<S>& job, T* workspace, size_t rows, size_t columns, S* to) {
    const size_t row_scalars = job.strip.phase_width;
    const size_t count = ((rows - 1) * job.rows.stride + job.rows.taps) * row_scalars;
    T* const values = workspace;
    T* const scratch = workspace + job.strip_scalars;
    T* const across = Pool::slide(values, scratch, count, job.columns.taps, size_t{1});
    T* const other = across == values ? scratch : values;
    const T* const result =
        Pool::slide(across, other, count - (job.columns.taps - 1), job.rows.taps, row_scalars);
    const T taps = static_cast<T>(job.rows.taps * job.columns.taps);
    for (size_t i = 0; i < rows; ++i)
        write_row<Pool>(result + i * job.rows.stride * row_scalars, columns, job.columns.stride, taps,
                        to + i * job.columns.out_size);
}

// Tiles first .. last - 1, counted over (plane, row, column).
template <class Pool, class S, class T = Arithmetic<S>>
void pool_tiles(const SlidingPoolJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t tiles = job.row_tiles * job.column_tiles;
    for (size_t item = first; item < last; ++item) {
        const size_t tile = item % tiles, plane = item / tiles;
        const size_t i = tile / job.column_tiles * job.tile_rows, j = tile % job.column_tiles * job.tile_columns;
        const size_t left = job.rows.out_size - i, right = job.columns.out_size - j;
        const size_t rows = left < job.tile_rows ? left : job.tile_rows;
        const size_t columns = right < job.tile_columns ? right : job.tile_columns;
        fill_strip(job.strip, job.x + plane * job.rows.size * job.columns.size, i * job.rows.stride,
                   (rows - 1) * job.rows.stride + job.rows.taps, j * job.columns.stride,
                   Pool::template outside<T>, workspace);
        pool_tile<Pool>(job, workspace, rows, columns,
                        job.y + (plane * job.rows.out_size + i) * job.columns.out_size + j);
    }
}

}  // namespace circulant::CIRCULANT_ISA
