// The gradients of a block of channels: states are kept at the start of each chunk, computed again
// inside it, and the cotangents of the states run through it backwards.
#pragma once

#include "kernels/selective_scan_states.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
struct GradientSpace {
    ScanSpace<T> scan;
    T* starts;     // states before each chunk
    T* cotangent;  // of the state before the steps done so far, a vector for each state
    T* a;          // gradient of A, likewise
    T* delta;      // a vector for each step of a chunk
    T* u;
    T* y;          // gradient of the output
    T* response;   // sum over the states of cotangent times B
    T* decay;      // sum over the states of cotangent times A times what was kept of the state
    T* states;     // of one n, before each step of a chunk and after its last
    T* kept;       // exp(delta A), likewise
    T* b;          // a number for each step of a chunk, where B's have to be widened
    T* c;
};

template <class T>
CIRCULANT_INLINE GradientSpace<T> gradient_space(const SelectiveSizes& s, T* workspace) {
    constexpr size_t lanes = kLanes<T>;
    const size_t states = s.state * lanes, chunk = s.chunk * lanes;
    T* next = workspace;
    const auto take = [&next](size_t scalars) {
        T* const here = next;
        next += scalars;
        return here;
    };
    GradientSpace<T> space;
    space.scan = scan_space(s, take(2 * states + 3 * lanes * lanes));
    space.starts = take((s.length + s.chunk - 1) / s.chunk * states);
    space.cotangent = take(states);
    space.a = take(states);
    space.delta = take(chunk);
    space.u = take(chunk);
    space.y = take(chunk);
    space.response = take(chunk);
    space.decay = take(chunk);
    space.states = take(chunk + lanes);
    space.kept = take(chunk);
    space.b = take(s.chunk);
    space.c = take(s.chunk);
    return space;
}

// Those of a chunk.
struct Steps {
    size_t at, count;
};

template <class S, class T = Arithmetic<S>>
void keep_starts(const SelectiveSizes& s, const ChannelBlock& block, const SelectiveOperands<S>& operands,
                 const GradientSpace<T>& space) {
    constexpr size_t lanes = kLanes<T>;
    const size_t states = s.state * lanes;
    for (size_t at = 0; at < s.length; at += lanes) {
        if (at % s.chunk == 0)
            __builtin_memcpy(space.starts + at / s.chunk * states, space.scan.state, states * sizeof(T));
        if (at / s.chunk * s.chunk + s.chunk >= s.length) return;  // nobody reads the states of the last chunk
        advance<false, S>(s, block, operands, at, lanes, space.scan);
    }
}

// The states of one n through a chunk; b: that row of B there.
template <class T>
CIRCULANT_INLINE void restore_states(const T* b, size_t steps, Vector<T> a, const T* start,
                                     const GradientSpace<T>& space) {
    constexpr size_t lanes = kLanes<T>;
    Vector<T> h = load(start);
    store(space.states, h);
    for (size_t l = 0; l < steps; ++l) {
        const Vector<T> delta = load(space.delta + l * lanes), kept = exp<T>(delta * a);
        h = kept * h + delta * load(space.u + l * lanes) * b[l];
        store(space.kept + l * lanes, kept);
        store(space.states + (l + 1) * lanes, h);
    }
}

// Adds the sums over the lanes of `count` vectors to as many neighbouring numbers.
template <class T>
CIRCULANT_INLINE void add_lane_sums(Vector<T> (&values)[kLanes<T>], size_t count, T* numbers) {
    transpose<T>(values);
    Vector<T> total = values[0];
    for (size_t i = 1; i < kLanes<T>; ++i) total += values[i];
    if (count == kLanes<T>) {
        store(numbers, load(numbers) + total);
        return;
    }
    T sums[kLanes<T>];
    store(sums, total);
    for (size_t i = 0; i < count; ++i) numbers[i] += sums[i];
}

// The rows of one n in a chunk.
template <class T>
struct SharedRows {
    const T* b;
    const T* c;
    T* b_gradient;
    T* c_gradient;
};

// The cotangent of one n's state through a chunk, from its end.
template <class T>
CIRCULANT_INLINE void pull_back_state(const SharedRows<T>& rows, size_t steps, size_t n, const GradientSpace<T>& space) {
    constexpr size_t lanes = kLanes<T>;
    const Vector<T> a = load(space.scan.a + n * lanes);
    Vector<T> after = load(space.cotangent + n * lanes), a_sum = load(space.a + n * lanes);
    for (size_t tile = (steps + lanes - 1) / lanes; tile-- > 0;) {
        const size_t first = tile * lanes, left = steps - first, count = left < lanes ? left : lanes;
        Vector<T> b_terms[lanes], c_terms[lanes];
        for (size_t i = count; i < lanes; ++i) b_terms[i] = c_terms[i] = Vector<T>{};
        for (size_t j = count; j-- > 0;) {
            const size_t l = (first + j) * lanes;
            const Vector<T> y = load(space.y + l), delta = load(space.delta + l);
            const Vector<T> here = y * rows.c[first + j] + after;
            b_terms[j] = here * (delta * load(space.u + l));
            c_terms[j] = y * load(space.states + l + lanes);
            after = here * load(space.kept + l);
            const Vector<T> lost = after * load(space.states + l);
            a_sum += lost * delta;
            store(space.decay + l, load(space.decay + l) + lost * a);
            store(space.response + l, load(space.response + l) + here * rows.b[first + j]);
        }
        add_lane_sums<T>(b_terms, count, rows.b_gradient + first);
        add_lane_sums<T>(c_terms, count, rows.c_gradient + first);
    }
    store(space.cotangent + n * lanes, after);
    store(space.a + n * lanes, a_sum);
}

template <class S, class T = Arithmetic<S>>
void load_chunk(const SelectiveBackwardJob<S>& job, const ChannelBlock& block, const Steps& steps,
                const GradientSpace<T>& space) {
    constexpr size_t lanes = kLanes<T>;
    const SelectiveSizes& s = job.layout.sizes;
    for (size_t first = 0; first < steps.count; first += lanes) {
        const size_t left = steps.count - first, kept = left < lanes ? left : lanes, to = first * lanes;
        load_steps<S>(s, block, job.operands.delta, steps.at + first, kept, space.delta + to);
        load_steps<S>(s, block, job.operands.u, steps.at + first, kept, space.u + to);
        load_steps<T>(s, block, job.y_gradient, steps.at + first, kept, space.y + to);
        __builtin_memset(space.response + to, 0, lanes * lanes * sizeof(T));
        __builtin_memset(space.decay + to, 0, lanes * lanes * sizeof(T));
    }
}

template <class S, class T = Arithmetic<S>>
void store_chunk(const SelectiveBackwardJob<S>& job, const ChannelBlock& block, const Steps& steps,
                 const GradientSpace<T>& space) {
    constexpr size_t lanes = kLanes<T>;
    const SelectiveSizes& s = job.layout.sizes;
    for (size_t first = 0; first < steps.count; first += lanes) {
        const size_t left = steps.count - first, kept = left < lanes ? left : lanes, from = first * lanes;
        for (size_t l = from; l < from + lanes * lanes; l += lanes) {
            const Vector<T> response = load(space.response + l);
            store(space.decay + l, load(space.decay + l) + response * load(space.u + l));
            store(space.response + l, response * load(space.delta + l));
        }
        store_steps(s, block, space.response + from, steps.at + first, kept, job.u);
        store_steps(s, block, space.decay + from, steps.at + first, kept, job.delta);
    }
}

template <class S, class T = Arithmetic<S>>
void pull_back_block(const SelectiveBackwardJob<S>& job, const ChannelBlock& block, T* b_gradient, T* c_gradient,
                     const GradientSpace<T>& space) {
    constexpr size_t lanes = kLanes<T>;
    const SelectiveSizes& s = job.layout.sizes;
    load_states(s, block, job.operands.a, false, space.scan.a);
    load_states(s, block, job.operands.initial, true, space.scan.state);
    load_states(s, block, job.state_gradient, true, space.cotangent);
    __builtin_memset(space.a, 0, s.state * lanes * sizeof(T));
    keep_starts<S>(s, block, job.operands, space);
    for (size_t chunk = (s.length + s.chunk - 1) / s.chunk; chunk-- > 0;) {
        const size_t at = chunk * s.chunk, left = s.length - at;
        const Steps steps = {at, left < s.chunk ? left : s.chunk};
        load_chunk<S>(job, block, steps, space);
        for (size_t n = 0; n < s.state; ++n) {
            const size_t row = shared_row(s, block, n) + at;
            const SharedRows<T> rows = {widened(job.operands.b + row, steps.count, space.b),
                                        widened(job.operands.c + row, steps.count, space.c), b_gradient + row,
                                        c_gradient + row};
            restore_states(rows.b, steps.count, load(space.scan.a + n * lanes),
                           space.starts + (chunk * s.state + n) * lanes, space);
            pull_back_state(rows, steps.count, n, space);
        }
        store_chunk<S>(job, block, steps, space);
    }
    store_states(s, block, space.cotangent, job.initial);
    store_states(s, block, space.a, job.a);
}

// Shares first .. last - 1, counted over (image, group, share). workspace: a GradientSpace.
template <class S, class T = Arithmetic<S>>
void pull_back_shares(const SelectiveBackwardJob<S>& job, size_t first, size_t last, T* workspace) {
    const SelectiveSizes& s = job.layout.sizes;
    const size_t blocks = job.layout.group_blocks, rows = s.state * s.length;
    const GradientSpace<T> space = gradient_space(s, workspace);
    for (size_t index = first; index < last; ++index) {
        const size_t pair = index / job.shares, share = index % job.shares;
        T* const b = job.b + share * s.batch * s.groups * rows;
        T* const c = job.c + share * s.batch * s.groups * rows;
        __builtin_memset(b + pair * rows, 0, rows * sizeof(T));
        __builtin_memset(c + pair * rows, 0, rows * sizeof(T));
        for (size_t block = blocks * share / job.shares; block < blocks * (share + 1) / job.shares; ++block)
            pull_back_block<S>(job, channel_block(job.layout, pair / s.groups, pair % s.groups, block, kLanes<T>), b, c,
                               space);
    }
}

}  // namespace circulant::CIRCULANT_ISA
