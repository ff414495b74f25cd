// A stream's groups of rows: tokens in and out, the near level, and the turn between tokens of all rows
// and rows of many tokens.
#pragma once

#include "core/convert.hpp"
#include "fft/exchange.hpp"
#include "kernels/long_conv_stream_job.hpp"

namespace circulant::CIRCULANT_ISA {

// Outputs whose sums stay in registers, beside as many inputs.
inline constexpr size_t kNearTile = CIRCULANT_VECTOR_BYTES == 64 ? 8 : 4;

template <class T>
size_t rows_of_group(const StreamArrays<T>& stream, size_t group) {
    const size_t left = stream.rows - group * kLanes<T>;
    return left < kLanes<T> ? left : kLanes<T>;
}

template <class T>
const T* taps_of_group(const StreamArrays<T>& stream, size_t group) {
    return stream.taps + group % stream.kernel_groups * kNearTaps * kLanes<T>;
}

// The place of a token's second copy: kRecent - 1 tokens before it are just below.
template <class T>
T* recent_token(const StreamArrays<T>& stream, size_t group, std::ptrdiff_t time) {
    return stream.recent + ((2 * group + 1) * kRecent + ring_place(time, kRecent)) * kLanes<T>;
}

// sum_m taps[m] x[-m]
template <class T>
Vector<T> direct_sum(const T* x, const T* taps, size_t count) {
    Vector<T> sums[4] = {};
    size_t m = 0;
    for (; m + 4 <= count; m += 4)
        CIRCULANT_UNROLL
        for (size_t k = 0; k < 4; ++k)
            sums[k] += load(taps + (m + k) * kLanes<T>) * load(x - (m + k) * kLanes<T>);
    for (; m < count; ++m) sums[0] += load(taps + m * kLanes<T>) * load(x - m * kLanes<T>);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE Vector<T> load_rows(const S* from, size_t count) {
    return count == kLanes<T> ? widen(from) : widen_between(from, 0, count);
}

template <class S, class T = Arithmetic<S>>
void take_token(const StreamArrays<T>& stream, const TokenJob<S>& job, size_t first, size_t last) {
    for (size_t group = first; group < last; ++group) {
        const size_t start = group * kLanes<T>, count = rows_of_group(stream, group);
        Vector<T> x = load_rows(job.x + start, count);
        if (job.gate_in != nullptr) x *= load_rows(job.gate_in + start, count);
        T* const place = recent_token(stream, group, job.time);
        store(place, x);
        store(place - kRecent * kLanes<T>, x);
        const size_t near = 2 * kNearBlock * group + ring_place(job.time, 2 * kNearBlock);
        const size_t due = kFarBlock * group + ring_place(job.time, kFarBlock);
        Vector<T> y = direct_sum(place, taps_of_group(stream, group), stream.direct_taps);
        y += load(stream.near + near * kLanes<T>) + load(stream.due + due * kLanes<T>);
        if (job.gate_out != nullptr) y *= load_rows(job.gate_out + start, count);
        if (count == kLanes<T>)
            narrow(job.y + start, y);
        else
            narrow_first(job.y + start, y, count);
    }
}

// sums[k] += sum_m taps[m] x[k - m]; one load each of taps and inputs serves kNearTile sums.
template <class T>
CIRCULANT_INLINE void add_lags(const T* x, const T* taps, size_t lags, Vector<T> (&sums)[kNearTile]) {
    Vector<T> window[kNearTile];
    CIRCULANT_UNROLL
    for (size_t k = 0; k < kNearTile; ++k) window[k] = load(x + k * kLanes<T>);
    size_t m = 0;
    for (; m + kNearTile <= lags; m += kNearTile)
        CIRCULANT_UNROLL
        for (size_t turn = 0; turn < kNearTile; ++turn) {  // window[k - turn] holds the input of lag m + turn
            const Vector<T> tap = load(taps + (m + turn) * kLanes<T>);
            CIRCULANT_UNROLL
            for (size_t k = 0; k < kNearTile; ++k) sums[k] += tap * window[(k + kNearTile - turn) % kNearTile];
            window[kNearTile - 1 - turn] = load(x - (m + turn + 1) * kLanes<T>);
        }
    for (; m < lags; ++m)
        for (size_t k = 0; k < kNearTile; ++k)
            sums[k] += load(taps + m * kLanes<T>) * load(x + k * kLanes<T> - m * kLanes<T>);
}

// One step of the near level: kNearTile outputs of the block that begins at `block`, kNearLags lags.
// Steps go through the lags of one tile after the other.
template <class T>
void add_near(const StreamArrays<T>& stream, size_t group, std::ptrdiff_t block, size_t step) {
    const size_t parts = (stream.near_taps + kNearLags - 1) / kNearLags;
    const size_t tile = step / parts * kNearTile, part = step % parts * kNearLags;
    const size_t left = stream.near_taps - part, lags = left < kNearLags ? left : kNearLags;
    const size_t lag = kDirectTaps + part;
    const std::ptrdiff_t output = block + static_cast<std::ptrdiff_t>(tile);
    const std::ptrdiff_t newest = output + static_cast<std::ptrdiff_t>(kNearTile - 1 - lag);
    const T* const x = recent_token(stream, group, newest) - (kNearTile - 1) * kLanes<T>;
    T* const to = stream.near + (2 * kNearBlock * group + ring_place(output, 2 * kNearBlock)) * kLanes<T>;
    Vector<T> sums[kNearTile] = {};
    if (part > 0)
        for (size_t k = 0; k < kNearTile; ++k) sums[k] = load(to + k * kLanes<T>);
    add_lags(x, taps_of_group(stream, group) + lag * kLanes<T>, lags, sums);
    for (size_t k = 0; k < kNearTile; ++k) store(to + k * kLanes<T>, sums[k]);
}

// Register e, lane l <-> register l, lane e.
template <class T>
CIRCULANT_INLINE void transpose(Vector<T> (&v)[kLanes<T>]) {
    constexpr size_t in_block = kBlockLanes<T>, blocks = kBlocks<T>;
    CIRCULANT_UNROLL
    for (size_t block = 0; block < kLanes<T>; block += in_block) {
        if constexpr (in_block == 4) exchange_four_lanes<T>(v[block], v[block + 1], v[block + 2], v[block + 3]);
        if constexpr (in_block == 2) exchange_two_lanes<T>(v[block], v[block + 1]);
    }
    CIRCULANT_UNROLL
    for (size_t at = 0; at < in_block; ++at) {
        if constexpr (blocks == 4)
            exchange_four_blocks<T>(v[at], v[at + in_block], v[at + 2 * in_block], v[at + 3 * in_block]);
        if constexpr (blocks == 2) exchange_two_blocks<T>(v[at], v[at + in_block]);
    }
}

// The block of tokens that ended before `time` joins the past of each row.
template <class T>
void turn_in(const StreamArrays<T>& stream, std::ptrdiff_t time, size_t first, size_t last) {
    const std::ptrdiff_t start = time - static_cast<std::ptrdiff_t>(kFarBlock);
    const size_t place = ring_place(start, stream.past.length);
    for (size_t group = first; group < last; ++group) {
        const T* const tokens = recent_token(stream, group, start);
        T* const past = stream.past.data + group * kLanes<T> * stream.past.stride + place;
        const size_t rows = rows_of_group(stream, group);
        for (size_t at = 0; at < kFarBlock; at += kLanes<T>) {
            Vector<T> square[kLanes<T>];
            CIRCULANT_UNROLL
            for (size_t i = 0; i < kLanes<T>; ++i) square[i] = load(tokens + (at + i) * kLanes<T>);
            transpose<T>(square);
            CIRCULANT_UNROLL
            for (size_t i = 0; i < kLanes<T>; ++i)
                if (i < rows) store(past + i * stream.past.stride + at, square[i]);
        }
    }
}

// The far levels' outputs for the tokens from `time` on are due; their place in the rings is cleared.
template <class T>
void turn_out(const StreamArrays<T>& stream, std::ptrdiff_t time, size_t first, size_t last) {
    const size_t place = ring_place(time, stream.ahead.length);
    for (size_t group = first; group < last; ++group) {
        T* const ahead = stream.ahead.data + group * kLanes<T> * stream.ahead.stride + place;
        T* const tokens = stream.due + group * kFarBlock * kLanes<T>;
        const size_t rows = rows_of_group(stream, group);
        for (size_t at = 0; at < kFarBlock; at += kLanes<T>) {
            Vector<T> square[kLanes<T>] = {};
            CIRCULANT_UNROLL
            for (size_t i = 0; i < kLanes<T>; ++i) {
                if (i >= rows) continue;
                T* const from = ahead + i * stream.ahead.stride + at;
                square[i] = load(from);
                store(from, Vector<T>{});
            }
            transpose<T>(square);
            CIRCULANT_UNROLL
            for (size_t i = 0; i < kLanes<T>; ++i) store(tokens + (at + i) * kLanes<T>, square[i]);
        }
    }
}

}  // namespace circulant::CIRCULANT_ISA
