// Volumes as long rows, and their convolutions by one transform each.
#pragma once

#include "core/convert.hpp"
#include "kernels/depthwise_fft_job.hpp"
#include "kernels/transform_rows.hpp"

namespace circulant::CIRCULANT_ISA {

inline size_t samples_of(const Flat& flat) {
    return flat.axes[0].count * flat.axes[1].count * flat.axes[2].count;
}

template <class Visit>
CIRCULANT_INLINE void for_each_line(const Flat& flat, const Visit& visit) {
    size_t line = 0;
    for (size_t i = 0; i < flat.axes[0].count; ++i)
        for (size_t j = 0; j < flat.axes[1].count; ++j, line += flat.axes[2].count)
            visit(line, flat.origin + i * flat.axes[0].step + j * flat.axes[1].step);
}

template <class S, class T = Arithmetic<S>>
void lay_out(const S* volume, const Flat& flat, T* row) {
    const FlatAxis axis = flat.axes[2];
    for_each_line(flat, [&](size_t line, size_t at) {
        if (axis.step == 1)  // the loop that vectorises
            for (size_t k = 0; k < axis.count; ++k) row[at + k] = widen_one(volume[line + k]);
        else
            for (size_t k = 0; k < axis.count; ++k) row[at + k * axis.step] = widen_one(volume[line + k]);
    });
}

template <class S, class T = Arithmetic<S>>
void pick_up(const T* row, const Flat& flat, S* volume) {
    const FlatAxis axis = flat.axes[2];
    for_each_line(flat, [&](size_t line, size_t at) {
        if (axis.step == 1)
            for (size_t k = 0; k < axis.count; ++k) volume[line + k] = narrow_one<S>(row[at + k]);
        else
            for (size_t k = 0; k < axis.count; ++k) volume[line + k] = narrow_one<S>(row[at + k * axis.step]);
    });
}

template <class T>
RowSource<T> flat_source(const T* row, const Flat& flat, T scale = 1) {
    return {row, Placement{flat.extent, 0, 0, flat.extent}, nullptr, scale};
}

template <class T>
void clear(T* row, size_t samples) {
    __builtin_memset(row, 0, samples * sizeof(T));
}

// Volumes first .. last - 1, counted channel by channel so that a kernel is transformed once for its
// batch. workspace: two buffers and three rows.
template <class S, class T = Arithmetic<S>>
void filter_volumes(const FlatFilterJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t scalars = buffer_scalars(job.tree);
    T* const values = workspace;
    T* const data = values + scalars;
    T* const source = data + scalars;
    T* const weight = source + job.samples;
    T* const result = weight + job.samples;
    clear(source, 2 * job.samples);
    const size_t taken = samples_of(job.source), taps = samples_of(job.weight), given = samples_of(job.result);
    for (size_t index = first; index < last; ++index) {
        const size_t channel = index / job.batch, volume = index % job.batch * job.channels + channel;
        if (index == first || index % job.batch == 0) {
            lay_out(job.weight_volumes + channel * taps, job.weight, weight);
            transform_row(job.tree, flat_source(weight, job.weight, inverse_of_size(job.tree)), values);
        }
        lay_out(job.source_volumes + volume * taken, job.source, source);
        take_in_row(job.tree, flat_source(source, job.source), data);
        if (job.correlates)
            walk(job.tree, data, Multiply<T, true>{values});
        else
            walk(job.tree, data, Multiply<T, false>{values});
        give_out_row(job.tree, data, RowSink<T>{result, 0, job.result.extent});
        pick_up(result, job.result, job.result_volumes + volume * given);
    }
}

// Channels first .. last - 1; the batch is summed in the same order whatever the threads.
// workspace: three buffers and three rows.
template <class S, class T = Arithmetic<S>>
void correlate_volumes(const FlatCorrelationJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t scalars = buffer_scalars(job.tree);
    T* const total = workspace;
    T* const of_g = total + scalars;
    T* const of_x = of_g + scalars;
    T* const g = of_x + scalars;
    T* const x = g + job.samples;
    T* const weight = x + job.samples;
    clear(g, 2 * job.samples);
    const size_t of_volume = samples_of(job.x), of_gradient = samples_of(job.g), taps = samples_of(job.weight);
    for (size_t channel = first; channel < last; ++channel) {
        clear(total, scalars);
        for (size_t image = 0; image < job.batch; ++image) {
            const size_t volume = image * job.channels + channel;
            lay_out(job.g_volumes + volume * of_gradient, job.g, g);
            transform_row(job.tree, flat_source(g, job.g, inverse_of_size(job.tree)), of_g);
            lay_out(job.x_volumes + volume * of_volume, job.x, x);
            take_in_row(job.tree, flat_source(x, job.x), of_x);
            walk(job.tree, of_x, Correlate<T>{of_g, total});
        }
        walk(job.tree, total, Interpolate<T>{});
        give_out_row(job.tree, total, RowSink<T>{weight, 0, job.weight.extent});
        pick_up(weight, job.weight, job.weight_volumes + channel * taps);
    }
}

}  // namespace circulant::CIRCULANT_ISA
