// A far level's share of one row, step by step (long_conv_stream_program.hpp).
#pragma once

#include "fft/leaf.hpp"
#include "kernels/long_conv_rows.hpp"
#include "kernels/long_conv_stream_job.hpp"

namespace circulant::CIRCULANT_ISA {

// Adds the first `count` positions, whole vectors, to a row.
template <class T>
struct AddingSink {
    T* row;
    size_t count;

    CIRCULANT_INLINE void put(size_t at, Vector<T> value) const {
        if (at < count) store(row + at, load(row + at) + value);
    }
};

// Butterflies of the root from samples.
template <size_t radix, class T>
void take_in_some(const TreeView<T>& tree, const RowSource<T>& source, size_t first, size_t last, T* data) {
    const size_t child = tree.size / radix, child_scalars = 2 * child;
    const T* const roots = tree.levels[0].roots;
    for (size_t at = first * kLanes<T>; at < last * kLanes<T>; at += kLanes<T>) {
        Complex<T> a[radix];
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) {
            a[k] = {source.load(at + k * child), source.load(tree.size + at + k * child)};
            if (k > 0) a[k] = times(a[k], roots[2 * k - 2], roots[2 * k - 1]);
        }
        butterfly(a);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) store_complex(data + k * child_scalars + 2 * at, a[k]);
    }
}

// And back to samples.
template <size_t radix, class T>
void give_out_some(const TreeView<T>& tree, const T* data, size_t first, size_t last,
                   const AddingSink<T>& sink) {
    const size_t child = tree.size / radix, child_scalars = 2 * child;
    const T* const roots = tree.levels[0].roots;
    for (size_t at = first * kLanes<T>; at < last * kLanes<T>; at += kLanes<T>) {
        Complex<T> a[radix];
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) a[k] = load_complex(data + k * child_scalars + 2 * at);
        butterfly(a);
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) {
            Complex<T> value = a[0];
            if (k > 0) value = conjugate_times(a[radix - k], roots[2 * k - 2], roots[2 * k - 1]);
            sink.put(at + k * child, value.re);
            sink.put(tree.size + at + k * child, value.im);
        }
    }
}

// Butterflies of an inner level, counted through its nodes.
template <size_t radix, bool forward, class T>
void pass_some(const Level<T>& level, size_t first, size_t last, T* data) {
    const size_t of_node = level.child_size / kLanes<T>, child_scalars = 2 * level.child_size;
    size_t node = first / of_node, column = first % of_node;
    for (; first < last; ++first) {
        T* const start = data + node * radix * child_scalars + column * 2 * kLanes<T>;
        const T* const roots = level.roots + node * 2 * (radix - 1);
        Complex<T> a[radix];
        CIRCULANT_UNROLL
        for (size_t k = 0; k < radix; ++k) {
            a[k] = load_complex(start + k * child_scalars);
            if (forward && k > 0) a[k] = times(a[k], roots[2 * k - 2], roots[2 * k - 1]);
        }
        butterfly(a);
        store_complex(start, a[0]);
        CIRCULANT_UNROLL
        for (size_t k = 1; k < radix; ++k)
            store_complex(start + k * child_scalars,
                          forward ? a[k] : conjugate_times(a[radix - k], roots[2 * k - 2], roots[2 * k - 1]));
        if (++column == of_node) {
            column = 0;
            ++node;
        }
    }
}

template <size_t radix, class T>
void run_butterflies(const FarJob<T>& job, const TransformStep& step) {
    switch (step.part) {
        case TransformPart::take_in: {
            const RowSource<T> source{job.past, job.window};
            return take_in_some<radix>(*job.tree, source, step.first, step.last, job.data);
        }
        case TransformPart::down:
            return pass_some<radix, true>(job.tree->levels[step.depth], step.first, step.last, job.data);
        case TransformPart::up:
            return pass_some<radix, false>(job.tree->levels[step.depth], step.first, step.last, job.data);
        default: {
            const AddingSink<T> sink{job.ahead, job.block};
            return give_out_some<radix>(*job.tree, job.data, step.first, step.last, sink);
        }
    }
}

template <class T>
void run_steps(const FarJob<T>& job, const TransformStep* steps, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        const TransformStep& step = steps[i];
        if (step.part == TransformPart::leaves) {
            visit_groups(*job.tree, step.first, step.last, Multiply<T, false>{job.spectrum}, job.data);
            continue;
        }
        switch (job.tree->levels[step.depth].radix) {
            case 2: run_butterflies<2>(job, step); break;
            case 3: run_butterflies<3>(job, step); break;
            case 4: run_butterflies<4>(job, step); break;
            case 5: run_butterflies<5>(job, step); break;
            default: run_butterflies<8>(job, step); break;
        }
    }
}

// Taps -> values, so that the samples from position `shift` of a product on come out at its start: taps
// that begin below zero wrap around with the other sign, modulo x^(2n) + 1.
template <class T>
void transform_taps(const TreeView<T>& tree, const T* taps, size_t count, size_t shift, T* values) {
    const Placement place{count, 0, 2 * tree.size - shift, count};
    transform_row(tree, RowSource<T>{taps, place, nullptr, -inverse_of_size(tree)}, values);
}

}  // namespace circulant::CIRCULANT_ISA
