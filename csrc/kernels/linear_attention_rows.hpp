// Rows of linear attention: each goes through its blocks of steps with its state in scratch memory.
#pragma once

#include "kernels/linear_attention_block.hpp"

namespace circulant::CIRCULANT_ISA {

// `count` numbers, and `rest` behind them up to `padded`.
template <class T>
CIRCULANT_INLINE void copy_padded(const T* from, size_t count, size_t padded, T rest, T* to) {
    if (count > 0) __builtin_memcpy(to, from, count * sizeof(T));
    for (size_t i = count; i < padded; ++i) to[i] = rest;
}

template <class T>
CIRCULANT_INLINE void exponentials(size_t count, T* numbers) {
    for (size_t i = 0; i < count; i += kLanes<T>) store(numbers + i, exp<T>(load(numbers + i)));
}

// The step that is taken at place `at` of the order of time.
CIRCULANT_INLINE size_t step_at(const LinearAttentionSizes& s, size_t at) {
    return s.reverse ? s.length - 1 - at : at;
}

// Factors of `steps` rows (padded by ones) from place `at` on: of the step itself, or of the one before.
template <class T>
CIRCULANT_INLINE void load_factors(const LinearAttentionJob<T>& job, size_t row, size_t at, size_t width,
                                   size_t padded, bool per_channel, T* factors) {
    const LinearAttentionSizes& s = job.sizes;
    for (size_t t = 0; t < kBlockSteps; ++t) {
        T* const to = factors + t * padded;
        const bool has_none = at + t >= s.length || (s.reverse && at + t == 0);
        const size_t step = has_none ? 0 : step_at(s, s.reverse ? at + t - 1 : at + t);
        if (has_none) {
            copy_padded(job.operands.log_decay, 0, padded, T{0}, to);
        } else if (per_channel) {
            copy_padded(job.operands.log_decay + (row * s.length + step) * width, width, padded, T{0}, to);
        } else {
            const size_t place = s.fading == Fading::head ? row % s.heads : row * s.length + step;
            copy_padded(job.operands.log_decay, 0, padded, job.operands.log_decay[place], to);
        }
    }
    exponentials(kBlockSteps * padded, factors);
}

template <class T, Kind kind>
CIRCULANT_INLINE void load_block(const LinearAttentionJob<T>& job, const Block<T>& b, size_t row, size_t at) {
    const LinearAttentionSizes& s = job.sizes;
    for (size_t t = 0; t < kBlockSteps; ++t) {
        const bool is_step = at + t < s.length;
        const size_t step = row * s.length + (is_step ? step_at(s, at + t) : 0);
        const size_t keys = is_step ? s.keys : 0, values = is_step ? s.values : 0;
        copy_padded(job.operands.q + step * s.keys, keys, job.keys, T{0}, b.q + t * job.keys);
        copy_padded(job.operands.k + step * s.keys, keys, job.keys, T{0}, b.k + t * job.keys);
        copy_padded(job.operands.v + step * s.values, values, job.values, T{0}, b.v + t * job.values);
    }
    if (kind != Kind::attend_by_value && s.fading != Fading::none) {
        load_factors(job, row, at, s.keys, job.keys, s.fading == Fading::key, b.factors);
    } else {
        for (size_t i = 0; i < kBlockSteps * job.keys; ++i) b.factors[i] = T{1};
    }
    if constexpr (kind == Kind::attend_by_value)
        load_factors(job, row, at, s.values, job.values, true, b.fading);
}

template <class T>
CIRCULANT_INLINE void load_state(const LinearAttentionJob<T>& job, const Block<T>& b, size_t row) {
    constexpr size_t tile = kTileVectors * kLanes<T>;
    const LinearAttentionSizes& s = job.sizes;
    const bool starts = job.operands.initial != nullptr;
    const T* const from = starts ? job.operands.initial + row * s.keys * s.values : job.operands.v;
    for (size_t column = 0; column < job.values; column += tile)
        for (size_t d = 0; d < s.keys; ++d) {
            const size_t left = s.values - column, count = left < tile ? left : tile;
            copy_padded(from + (starts ? d * s.values + column : 0), starts ? count : 0, tile, T{0},
                        b.state + column * s.keys + d * tile);
        }
}

template <class T, Kind kind>
void run_rows(const LinearAttentionJob<T>& job, size_t first, size_t last, T* scratch) {
    const LinearAttentionSizes& s = job.sizes;
    const Block<T> b = block_of(job, scratch);
    for (size_t row = first; row < last; ++row) {
        load_state(job, b, row);
        for (size_t at = 0; at < s.length; at += kBlockSteps) {
            load_block<T, kind>(job, b, row, at);
            pair_steps(b, job.keys, !s.strict);
            read_state(b, job.keys);
            for (size_t column = 0; column < job.values; column += kTileVectors * kLanes<T>)
                run_tile<T, kind>(job, b, column);
            for (size_t t = 0; t < kBlockSteps && at + t < s.length; ++t)
                copy_padded(b.y + t * job.values, s.values, s.values, T{0},
                            job.result + (row * s.length + step_at(s, at + t)) * s.values);
        }
    }
}

}  // namespace circulant::CIRCULANT_ISA
