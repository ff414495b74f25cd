// One block of steps of linear attention: what they read of the state before, of each other, and leave.
//
// Factors are only multiplied forwards, from the step where something was written to the step that reads
// it. No product is divided by: fading to nothing, at once or over time, is exact.
#pragma once

#include "core/exponential.hpp"
#include "core/transpose.hpp"
#include "kernels/linear_attention_job.hpp"

namespace circulant::CIRCULANT_ISA {

enum class Kind { attend, attend_by_value, solve };

inline constexpr size_t kTileVectors = CIRCULANT_VECTOR_BYTES == 64 ? 2 : 1;  // as registers allow

// The scratch memory of a thread. Rows of a block are padded with zeros to whole vectors, factors with ones.
template <class T>
struct Block {
    T* state;    // tiles of values, each (keys, tile)
    T* q;        // (steps, padded keys), as k, factors, reading and written
    T* k;
    T* factors;  // of each step, by keys
    T* reading;  // q, faded since before the block
    T* written;  // k, faded until the block's end
    T* kept;     // of the state by the whole block
    T* v;        // (steps, padded values), then what was written in its place
    T* fading;   // of each step, by values
    T* y;
    T* pairs;    // (written, read): q . k, faded between the two; 0 where nothing is read
};

template <class T>
CIRCULANT_INLINE Block<T> block_of(const LinearAttentionJob<T>& job, T* scratch) {
    const size_t by_keys = kBlockSteps * job.keys, by_values = kBlockSteps * job.values;
    Block<T> b;
    b.state = scratch;
    b.q = b.state + job.sizes.keys * job.values;
    b.k = b.q + by_keys;
    b.factors = b.k + by_keys;
    b.reading = b.factors + by_keys;
    b.written = b.reading + by_keys;
    b.kept = b.written + by_keys;
    b.v = b.kept + job.keys;
    b.fading = b.v + by_values;
    b.y = b.fading + by_values;
    b.pairs = b.y + by_values;
    return b;
}

// Pairs of the step `from` with itself and all later ones, as vectors yet to be summed; and k at the end.
template <class T, size_t from>
CIRCULANT_INLINE void pair_from(const Block<T>& b, size_t keys, bool own, Vector<T>* sums) {
    Vector<T> sum[kBlockSteps] = {};
    for (size_t d = 0; d < keys; d += kLanes<T>) {
        Vector<T> faded = load(b.k + from * keys + d);
        if (own) sum[from] += load(b.q + from * keys + d) * faded;
        CIRCULANT_UNROLL
        for (size_t t = from + 1; t < kBlockSteps; ++t) {
            faded *= load(b.factors + t * keys + d);
            sum[t] += load(b.q + t * keys + d) * faded;
        }
        store(b.written + from * keys + d, faded);
    }
    CIRCULANT_UNROLL
    for (size_t t = 0; t < kBlockSteps; ++t) sums[from * kBlockSteps + t] = sum[t];
    if constexpr (from + 1 < kBlockSteps) pair_from<T, from + 1>(b, keys, own, sums);
}

template <class T>
CIRCULANT_INLINE void pair_steps(const Block<T>& b, size_t keys, bool own) {
    Vector<T> sums[kBlockSteps * kBlockSteps];
    pair_from<T, 0>(b, keys, own, sums);
    for (size_t i = 0; i < kBlockSteps * kBlockSteps; i += kLanes<T>) {
        Vector<T> rows[kLanes<T>];
        for (size_t j = 0; j < kLanes<T>; ++j) rows[j] = sums[i + j];
        store(b.pairs + i, sum_rows<T>(rows));
    }
}

template <class T>
CIRCULANT_INLINE void read_state(const Block<T>& b, size_t keys) {
    for (size_t d = 0; d < keys; d += kLanes<T>) {
        Vector<T> left = Vector<T>{} + T{1};
        for (size_t t = 0; t < kBlockSteps; ++t) {
            left *= load(b.factors + t * keys + d);
            store(b.reading + t * keys + d, load(b.q + t * keys + d) * left);
        }
        store(b.kept + d, left);
    }
}

template <class T>
using Tile = Vector<T>[kBlockSteps][kTileVectors];

// What every step reads of the state (keys, tile).
template <class T>
CIRCULANT_INLINE void multiply_state(const LinearAttentionJob<T>& job, const Block<T>& b, const T* state,
                                     Tile<T>& found) {
    constexpr size_t tile = kTileVectors * kLanes<T>;
    for (size_t d = 0; d < job.sizes.keys; ++d) {
        Vector<T> numbers[kTileVectors];
        CIRCULANT_UNROLL
        for (size_t i = 0; i < kTileVectors; ++i) numbers[i] = load(state + d * tile + i * kLanes<T>);
        CIRCULANT_UNROLL
        for (size_t t = 0; t < kBlockSteps; ++t) {
            const Vector<T> reads = Vector<T>{} + b.reading[t * job.keys + d];
            CIRCULANT_UNROLL
            for (size_t i = 0; i < kTileVectors; ++i) found[t][i] += reads * numbers[i];
        }
    }
}

// The state after the block, in place; `kept` is what is left of each of its columns.
template <class T>
CIRCULANT_INLINE void update_state(const LinearAttentionJob<T>& job, const Block<T>& b, const Tile<T>& written,
                                   const Vector<T> (&kept)[kTileVectors], T* state) {
    constexpr size_t tile = kTileVectors * kLanes<T>;
    for (size_t d = 0; d < job.sizes.keys; ++d) {
        Vector<T> numbers[kTileVectors];
        CIRCULANT_UNROLL
        for (size_t i = 0; i < kTileVectors; ++i)
            numbers[i] = load(state + d * tile + i * kLanes<T>) * (kept[i] * b.kept[d]);
        CIRCULANT_UNROLL
        for (size_t t = 0; t < kBlockSteps; ++t) {
            const Vector<T> keys = Vector<T>{} + b.written[t * job.keys + d];
            CIRCULANT_UNROLL
            for (size_t i = 0; i < kTileVectors; ++i) numbers[i] += keys * written[t][i];
        }
        CIRCULANT_UNROLL
        for (size_t i = 0; i < kTileVectors; ++i) store(state + d * tile + i * kLanes<T>, numbers[i]);
    }
}

// x[t] = v[t] - what is read of the state and of the steps before, one after another.
template <class T>
CIRCULANT_INLINE void substitute(const Block<T>& b, Tile<T>& found, Tile<T>& values) {
    CIRCULANT_UNROLL
    for (size_t t = 0; t < kBlockSteps; ++t) {
        CIRCULANT_UNROLL
        for (size_t i = 0; i < kTileVectors; ++i) {
            Vector<T> x = values[t][i] - found[t][i];
            for (size_t m = 0; m < t; ++m) x -= b.pairs[m * kBlockSteps + t] * values[m][i];
            found[t][i] = values[t][i] = x;
        }
    }
}

// y[t] = what is read of the state and of the steps up to it; values are left faded until the end.
template <class T, bool by_value>
CIRCULANT_INLINE void read_values(const Block<T>& b, const T* fading, size_t step, Tile<T>& found, Tile<T>& values,
                                  Vector<T> (&kept)[kTileVectors]) {
    for (size_t i = 0; i < kTileVectors; ++i) {
        Vector<T> factor[kBlockSteps];
        if constexpr (by_value) {
            for (size_t t = 0; t < kBlockSteps; ++t) {
                factor[t] = load(fading + t * step + i * kLanes<T>);
                kept[i] *= factor[t];
                found[t][i] *= kept[i];
            }
        }
        CIRCULANT_UNROLL
        for (size_t m = 0; m < kBlockSteps; ++m) {
            Vector<T> value = values[m][i];
            CIRCULANT_UNROLL
            for (size_t t = m; t < kBlockSteps; ++t) {
                if constexpr (by_value)
                    if (t > m) value *= factor[t];
                found[t][i] += b.pairs[m * kBlockSteps + t] * value;
            }
            values[m][i] = value;
        }
    }
}

template <class T, Kind kind>
CIRCULANT_INLINE void run_tile(const LinearAttentionJob<T>& job, const Block<T>& b, size_t column) {
    constexpr size_t lanes = kLanes<T>;
    T* const state = b.state + column * job.sizes.keys;
    Tile<T> found = {}, values;
    Vector<T> kept[kTileVectors];
    multiply_state(job, b, state, found);
    for (size_t i = 0; i < kTileVectors; ++i) {
        kept[i] = Vector<T>{} + T{1};
        for (size_t t = 0; t < kBlockSteps; ++t) values[t][i] = load(b.v + t * job.values + column + i * lanes);
    }
    if constexpr (kind == Kind::solve)
        substitute(b, found, values);
    else
        read_values<T, kind == Kind::attend_by_value>(b, b.fading + column, job.values, found, values, kept);
    for (size_t t = 0; t < kBlockSteps; ++t)
        for (size_t i = 0; i < kTileVectors; ++i) store(b.y + t * job.values + column + i * lanes, found[t][i]);
    update_state(job, b, values, kept, state);
}

}  // namespace circulant::CIRCULANT_ISA
