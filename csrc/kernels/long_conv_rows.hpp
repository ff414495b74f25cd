// Long convolution of whole rows by one transform each.
#pragma once

#include "fft/ends.hpp"
#include "fft/walk.hpp"
#include "kernels/rows.hpp"

namespace circulant::CIRCULANT_ISA {

// Samples -> the children of the root.
template <class S, class T = Arithmetic<S>>
void take_in_row(const TreeView<T>& tree, const RowSource<S>& source, T* data) {
    if (source.place.offset + source.place.extent <= tree.size)
        take_in<true>(tree, source, data);
    else
        take_in<false>(tree, source, data);
}

template <class S, class T = Arithmetic<S>>
void give_out_row(const TreeView<T>& tree, const T* data, const RowSink<S>& sink) {
    if (sink.window + sink.count <= tree.size)
        give_out<true>(tree, data, sink);
    else
        give_out<false>(tree, data, sink);
}

// Samples -> values.
template <class S, class T = Arithmetic<S>>
void transform_row(const TreeView<T>& tree, const RowSource<S>& source, T* data) {
    take_in_row(tree, source, data);
    walk(tree, data, Evaluate<T>{});
}

inline constexpr size_t kAheadSamples = 65536;  // a longer row would push the transform out of its cache

template <class T>
size_t buffer_scalars(const TreeView<T>& tree) {
    return 2 * tree.padded_leaves * kLanes<T>;
}

// The walk down and up multiplies by n.
template <class T>
T inverse_of_size(const TreeView<T>& tree) {
    return T{1} / static_cast<T>(tree.size);
}

template <class S>
size_t row_start(const FilterJob<S>& job, size_t row) {
    return (row % job.batch * job.channels + row / job.batch) * job.source.length;
}

// The next row of the source and the row of the result that starts at `result`.
template <class S>
Ahead row_ahead(const FilterJob<S>& job, size_t next, size_t result) {
    if (job.tree.size > kAheadSamples || sizeof(S) != sizeof(Arithmetic<S>)) return {};
    const S* const read = job.source_rows + row_start(job, next);
    return {reinterpret_cast<const char*>(read), reinterpret_cast<const char*>(job.result_rows + result),
            job.source.length * sizeof(S)};
}

// Rows first .. last - 1, counted channel by channel so that a kernel is transformed once for its
// batch. workspace: two buffers.
template <class S, class T = Arithmetic<S>>
void filter_rows(const FilterJob<S>& job, size_t first, size_t last, T* workspace) {
    T* const values = workspace;
    T* const data = workspace + buffer_scalars(job.tree);
    const T scale = inverse_of_size(job.tree);
    for (size_t row = first; row < last; ++row) {
        const size_t channel = row / job.batch, image = row % job.batch;
        if (row == first || image == 0) {
            RowSource<S> kernel{job.kernel_rows + channel * job.kernel.length, job.kernel, nullptr, scale};
            if (job.skip != nullptr) {
                kernel.addend_at = job.skip_tap;
                kernel.addend = widen_one(job.skip[channel]) * scale;
            }
            transform_row(job.tree, kernel, values);
        }
        const size_t start = row_start(job, row);
        const S* const gate_in = job.gate_in == nullptr ? nullptr : job.gate_in + start;
        const S* const gate_out = job.gate_out == nullptr ? nullptr : job.gate_out + start;
        take_in_row(job.tree, RowSource<S>{job.source_rows + start, job.source, gate_in}, data);
        const Ahead ahead = row + 1 < last ? row_ahead(job, row + 1, start) : Ahead{};
        if (job.correlates)
            walk(job.tree, data, Multiply<T, true>{values, ahead});
        else
            walk(job.tree, data, Multiply<T, false>{values, ahead});
        give_out_row(job.tree, data,
                     RowSink<S>{job.result_rows + start, job.window, job.source.length, gate_out});
    }
}

// Channels first .. last - 1; the batch is summed in the same order whatever the threads.
// workspace: four buffers, or three without gx.
template <class S, class T = Arithmetic<S>>
void gradients_of_channels(const GradientJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t scalars = buffer_scalars(job.tree);
    T* const total = workspace;
    T* const x = workspace + scalars;
    T* const g = workspace + 2 * scalars;
    T* const kernel = workspace + 3 * scalars;
    const T scale = inverse_of_size(job.tree);
    for (size_t channel = first; channel < last; ++channel) {
        __builtin_memset(total, 0, scalars * sizeof(T));
        if (job.gx_rows != nullptr) {
            const S* const taps = job.kernel_rows + channel * job.kernel.length;
            transform_row(job.tree, RowSource<S>{taps, job.kernel, nullptr, scale}, kernel);
        }
        for (size_t image = 0; image < job.batch; ++image) {
            const size_t start = (image * job.channels + channel) * job.x.length;
            transform_row(job.tree, RowSource<S>{job.x_rows + start, job.x, nullptr, scale}, x);
            take_in_row(job.tree, RowSource<S>{job.g_rows + start, job.g}, g);
            if (job.gx_rows == nullptr) {
                walk(job.tree, g, Correlate<T>{x, total});
            } else {
                walk(job.tree, g, CorrelateAndMultiply<T>{x, kernel, total});
                give_out_row(job.tree, g, RowSink<S>{job.gx_rows + start, 0, job.x.length});
            }
        }
        walk(job.tree, total, Interpolate<T>{});
        const size_t taps = job.kernel.length;
        give_out_row(job.tree, total, RowSink<S>{job.gk_rows + channel * taps, 0, taps});
    }
}

}  // namespace circulant::CIRCULANT_ISA
