// Long convolution of whole rows by one transform each.
#pragma once

#include "fft/walk.hpp"
#include "kernels/rows.hpp"

namespace circulant::CIRCULANT_ISA {

// Rows first .. last - 1, counted channel by channel so that a kernel is transformed once for its
// batch. workspace: two buffers of coefficients.
template <class S, class T = Arithmetic<S>>
void filter_rows(const FilterJob<S>& job, size_t first, size_t last, T* workspace) {
    T* const values = workspace;
    T* const data = workspace + 2 * job.tree.padded_leaves * kLanes<T>;
    for (size_t row = first; row < last; ++row) {
        const size_t channel = row / job.batch, image = row % job.batch;
        if (row == first || image == 0) {
            place_row(job.tree, job.kernel_rows + channel * job.kernel.length, job.kernel, values);
            walk(job.tree, values, Evaluate<T>{});
        }
        const size_t start = (image * job.channels + channel) * job.source.length;
        place_row(job.tree, job.source_rows + start, job.source, data);
        if (job.correlates)
            walk(job.tree, data, Multiply<T, true>{values});
        else
            walk(job.tree, data, Multiply<T, false>{values});
        take_row(job.tree, data, job.window, job.source.length, job.result_rows + start);
    }
}

// Channels first .. last - 1; the batch is summed in the same order whatever the threads.
// workspace: three buffers of coefficients.
template <class S, class T = Arithmetic<S>>
void correlate_channels(const CorrelationJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t scalars = 2 * job.tree.padded_leaves * kLanes<T>;
    T* const total = workspace;
    T* const left = workspace + scalars;
    T* const right = workspace + 2 * scalars;
    for (size_t channel = first; channel < last; ++channel) {
        for (size_t i = 0; i < scalars; i += kLanes<T>) store(total + i, Vector<T>{});
        for (size_t image = 0; image < job.batch; ++image) {
            const size_t row = image * job.channels + channel;
            place_row(job.tree, job.right_rows + row * job.right.length, job.right, right);
            walk(job.tree, right, Evaluate<T>{});
            place_row(job.tree, job.left_rows + row * job.left.length, job.left, left);
            walk(job.tree, left, Correlate<T>{right, total});
        }
        walk(job.tree, total, Interpolate<T>{});
        take_row(job.tree, total, 0, job.result_length, job.result_rows + channel * job.result_length);
    }
}

}  // namespace circulant::CIRCULANT_ISA
