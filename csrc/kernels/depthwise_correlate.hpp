// The kernel's gradient of the depthwise convolution, channel by channel.
#pragma once

#include "kernels/depthwise_gather.hpp"
#include "kernels/depthwise_match.hpp"

namespace circulant::CIRCULANT_ISA {

// Rows of g that belong to a part: row i, column j at data[i pitch + j].
template <class T>
struct Gradient {
    const T* data;
    size_t pitch;
};

// `rows` rows of the gradient, every column of taps.
template <Edge edge, class T>
void match_rows(const TapRun& run, size_t rows, Match<T> match) {
    const size_t most = most_columns(run.height), parts = (run.count + most - 1) / most;
    const size_t tiles = rows / kMatchRows, rest = rows % kMatchRows, done = tiles * kMatchRows;
    for (size_t part = 0; part < parts; ++part) {
        const size_t column = run.count * part / parts, count = run.count * (part + 1) / parts - column;
        match.columns = run.columns + column;
        match.tiles = tiles;
        if (tiles > 0) kMatches<edge, kMatchRows, T>[run.height - 1].columns[count - 1](match);
        if (rest == 0) continue;
        Match<T> last = match;
        last.tiles = rest;
        last.x += static_cast<ptrdiff_t>(done) * match.x_pitch;
        last.g += done * match.g_pitch;
        last.first += static_cast<ptrdiff_t>(done) * match.step;
        kMatches<edge, 1, T>[run.height - 1].columns[count - 1](last);
    }
}

// What all rows and strips share: full lanes inside the source.
template <class T>
CIRCULANT_INLINE Match<T> first_match(const TapRun& run, const Window<T>& window, const Gradient<T>& gradient,
                                      T* sums) {
    return {.columns = nullptr,
            .sums = sums,
            .weight_pitch = run.weight_pitch,
            .x = window.data,
            .x_pitch = window.pitch,
            .g = gradient.data,
            .g_pitch = gradient.pitch,
            .first = 0,
            .step = 1,
            .height = kEndless,
            .tiles = 0,
            .lanes = kLanes<T>,
            .column = 0,
            .width = kEndless};
}

template <class T>
CIRCULANT_INLINE void match_plane(const DepthwiseLayout& layout, const Piece& piece, const TapRun& run,
                                  const Part& part, const Window<T>& window, const Gradient<T>& gradient,
                                  T* sums) {
    constexpr size_t lanes = kLanes<T>;
    Match<T> match = first_match(run, window, gradient, sums);
    match.x_pitch = piece.source_step * window.pitch;
    match.g_pitch = piece.classes * gradient.pitch;
    match.step = piece.source_step;
    match.height = static_cast<ptrdiff_t>(layout.source_height);
    if (!layout.is_staged) match.width = static_cast<ptrdiff_t>(layout.source_width);
    for (size_t residue = 0; residue < piece.classes && part.row + residue < part.row_end; ++residue) {
        const size_t rows = class_size(piece, part.row + residue, part.row_end);
        match.first = source_row(piece, run, part.row + residue);
        for (size_t column = 0, strip = part.strip; column < part.columns; column += lanes, ++strip) {
            match.x = window.data + (match.first - window.row) * window.pitch + column;
            match.g = gradient.data + residue * gradient.pitch + column;
            match.lanes = part.columns - column < lanes ? part.columns - column : lanes;
            if (!layout.is_staged) match.column = window.column + static_cast<ptrdiff_t>(column);
            if (match.lanes == lanes && strip >= layout.inside_first && strip < layout.inside_end)
                match_rows<Edge::none>(run, rows, match);
            else
                match_rows<Edge::columns>(run, rows, match);
        }
    }
}

template <class T>
CIRCULANT_INLINE void match_series(const DepthwiseLayout& layout, const TapRun& run, const Part& part,
                                   const Window<T>& window, const Gradient<T>& gradient, T* sums) {
    constexpr size_t lanes = kLanes<T>;
    const size_t rows = (part.columns + lanes - 1) / lanes, whole = part.columns / lanes;
    const size_t first = span_end(layout.inside_first, part.row, whole);
    const size_t end = span_end(layout.inside_end, part.row, whole);
    Match<T> match = first_match(run, window, gradient, sums);
    if (!layout.is_staged) match.width = static_cast<ptrdiff_t>(layout.source_width);
    for (size_t row = 0; row < rows; ++row) {
        const size_t source = row + static_cast<size_t>(run.row);
        match.x = window.data + source * lanes;
        match.g = gradient.data + row * gradient.pitch;
        if (row == first && end > first) {
            match_rows<Edge::none>(run, end - first, match);
            row = end - 1;
            continue;
        }
        match.lanes = part.columns - row * lanes < lanes ? part.columns - row * lanes : lanes;
        if (!layout.is_staged) match.column = window.column + static_cast<ptrdiff_t>(source * lanes);
        match_rows<Edge::series>(run, 1, match);
    }
}

template <class S>
class Correlator final {
public:
    using T = Arithmetic<S>;

    // memory: the stage, one block of g if it is stored in another type, and a vector for each weight of
    // the channels worked on together.
    CIRCULANT_INLINE Correlator(const CorrelationJob<S>& job, T* memory)
        : job_(job),
          layout_(job.layout),
          stage_(layout_, 1, memory),
          widened_(memory + layout_.ring * layout_.window_scalars),
          sums_(widened_ + (sizeof(S) == sizeof(T) ? 0 : layout_.block_scalars)) {}

    // The batch is summed in the same order whatever the threads and the channels worked on together.
    CIRCULANT_INLINE void run(size_t first, size_t channels) {
        const size_t weights = job_.results * layout_.kernel_size;
        clear(sums_, channels * weights * kLanes<T>);
        for (size_t image = 0; image < job_.batch; ++image)
            for (size_t channel = 0; channel < channels; ++channel)
                for (size_t block = 0; block < layout_.block_count; ++block)
                    correlate_block(image * job_.channels + first + channel, block,
                                    sums_ + channel * weights * kLanes<T>);
        S* const to = job_.result + first * weights;
        for (size_t weight = 0; weight < channels * weights; ++weight)
            to[weight] = narrow_one<S>(sum_lanes<T>(load(sums_ + weight * kLanes<T>)));
    }

private:
    CIRCULANT_INLINE void correlate_block(size_t group, size_t block, T* channel_sums) {
        const size_t volume = layout_.source_depth * layout_.source_height * layout_.source_width;
        const size_t plane = layout_.result_height * layout_.result_width;
        const Piece& piece = *layout_.pieces;
        const Part& part = layout_.parts[block];
        stage_.start(layout_.blocks[block], job_.x + group * volume);
        for (const Slice* slice = layout_.slices; slice != layout_.slices + layout_.slice_count; ++slice) {
            stage_.advance(*slice);
            for (size_t result = 0; result < job_.results; ++result) {
                const size_t planes = (group * job_.results + result) * layout_.result_depth + slice->plane;
                const Gradient<T> gradient = gradient_of(part, job_.g + planes * plane);
                T* const sums = channel_sums + result * layout_.kernel_size * kLanes<T>;
                for (size_t layer = 0; layer < slice->layer_count; ++layer)
                    correlate_layer(piece, part, slice->layers[layer], gradient, sums);
            }
        }
    }

    CIRCULANT_INLINE void correlate_layer(const Piece& piece, const Part& part, const Layer& layer,
                                          const Gradient<T>& gradient, T* sums) {
        const Window<T> window = stage_.window(0, layer.plane);
        T* const first = sums + layer.weight * static_cast<ptrdiff_t>(kLanes<T>);
        for (const TapRun* run = piece.runs; run != piece.runs + piece.run_count; ++run)
            if (layout_.is_series)
                match_series(layout_, *run, part, window, gradient, first);
            else
                match_plane(layout_, piece, *run, part, window, gradient, first);
    }

    CIRCULANT_INLINE Gradient<T> gradient_of(const Part& part, const S* plane) const {
        const size_t pitch = layout_.is_series ? kLanes<T> : layout_.result_width;
        if constexpr (sizeof(S) == sizeof(T)) {
            return {reinterpret_cast<const T*>(plane + part.place), pitch};
        } else {
            if (layout_.is_series) {
                widen_row(plane + part.place, part.columns, widened_);
                return {widened_, pitch};
            }
            for (size_t row = 0; row < part.row_end - part.row; ++row)
                widen_row(plane + part.place + row * pitch, part.columns, widened_ + row * part.columns);
            return {widened_, part.columns};
        }
    }

    const CorrelationJob<S>& job_;
    const DepthwiseLayout& layout_;
    Stage<S> stage_;
    T* widened_;
    T* sums_;
};

// Channels first .. last - 1 of x.
template <class S>
void correlate_channels(const CorrelationJob<S>& job, size_t first, size_t last, Arithmetic<S>* memory) {
    Correlator<S> correlator(job, memory);
    for (size_t channel = first; channel < last; channel += job.together)
        correlator.run(channel, last - channel < job.together ? last - channel : job.together);
}

}  // namespace circulant::CIRCULANT_ISA
