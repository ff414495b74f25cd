// The part of a source plane that one block reads: where it is, or a copy with zeros around it.
#pragma once

#include "core/convert.hpp"
#include "core/partial.hpp"
#include "kernels/depthwise_job.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
struct Window {
    const T* data;
    ptrdiff_t row, pitch;  // of the source, where it starts; distance of two rows
    ptrdiff_t column;      // of the source, at `data`
};

// Writes zeros up to a whole vector behind the row: there is room for them.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void copy_row(const S* from, size_t count, T* to) {
    constexpr size_t lanes = kLanes<T>;
    size_t i = 0;
    for (; i + lanes <= count; i += lanes) store(to + i, widen(from + i));
    if (i == count) return;
    if constexpr (sizeof(S) == sizeof(T)) {
        store(to + i, LaneRange<T>(0, static_cast<ptrdiff_t>(count - i)).load(from + i));
    } else {
        for (; i < count; ++i) to[i] = widen_one(from[i]);
    }
}

template <class T, size_t... I>
CIRCULANT_INLINE Vector<T> every_second(Vector<T> a, Vector<T> b, Indices<I...>) {
    constexpr size_t lanes = kLanes<T>;
    return Vector<T>{(2 * I < lanes ? a[2 * I % lanes] : b[2 * I % lanes])...};
}

// Every step-th number.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void copy_strided(const S* from, size_t step, size_t count, T* to) {
    constexpr size_t lanes = kLanes<T>;
    size_t i = 0;
    if (step == 2)
        for (; i + lanes < count; i += lanes) {  // the last number read is that after the last taken
            const Vector<T> lower = widen(from + 2 * i), upper = widen(from + 2 * i + lanes);
            store(to + i, every_second<T>(lower, upper, typename MakeIndices<lanes>::type{}));
        }
    for (; i < count; ++i) to[i] = widen_one(from[i * step]);
}

template <class T>
CIRCULANT_INLINE void clear(T* to, size_t count) {
    constexpr size_t lanes = kLanes<T>;
    size_t i = 0;
    for (; i + lanes <= count; i += lanes) store(to + i, Vector<T>{});
    for (; i < count; ++i) to[i] = T{0};
}

// Columns of the staged row that lie inside the source, of one phase; none of the last vector, where
// copies of rows may end.
struct Extent {
    size_t first, end;
};

template <class T>
CIRCULANT_INLINE Extent phase_extent(const DepthwiseLayout& layout, const Block& block, size_t phase) {
    const ptrdiff_t step = static_cast<ptrdiff_t>(layout.phases), up = step - 1;
    const ptrdiff_t start = block.window_column + static_cast<ptrdiff_t>(phase);  // of the source, at 0
    const ptrdiff_t width = static_cast<ptrdiff_t>(layout.phase_width - kLanes<T>);
    ptrdiff_t first = start < 0 ? (up - start) / step : 0;
    const ptrdiff_t left = static_cast<ptrdiff_t>(layout.source_width) - start;
    ptrdiff_t end = left > 0 ? (left + up) / step : 0;
    first = first < width ? first : width;
    end = end < width ? end : width;
    return {static_cast<size_t>(first), static_cast<size_t>(end < first ? first : end)};
}

// Zeros stay where they are while blocks of one geometry follow each other: then `clears` is false.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void stage_plane(const DepthwiseLayout& layout, const Block& block, const S* plane,
                                  bool clears, T* to) {
    const size_t row = layout.is_series ? 0 : static_cast<size_t>(block.window_row);
    for (size_t phase = 0; phase < layout.phases; ++phase) {
        const Extent extent = phase_extent<T>(layout, block, phase);
        const size_t count = extent.end - extent.first;
        if (count == 0 && !clears) continue;
        const size_t place = phase + extent.first * layout.phases;
        const ptrdiff_t column = block.window_column + static_cast<ptrdiff_t>(place);
        const S* from = plane + row * layout.source_width + (count > 0 ? column : 0);
        T* staged = to + phase * layout.phase_width;
        for (size_t i = 0; i < block.window_rows; ++i) {
            if (clears) {
                clear(staged, extent.first);
                clear(staged + extent.end, layout.phase_width - extent.end);
            }
            if (layout.phases == 1)
                copy_row(from, count, staged + extent.first);
            else
                copy_strided(from, layout.phases, count, staged + extent.first);
            from += layout.source_width;
            staged += layout.phases * layout.phase_width;
        }
    }
}

// The sources of one group: where they are, or planes of them in a ring for each source, staged as the
// slices ask.
template <class S>
class Stage final {
public:
    using T = Arithmetic<S>;

    // memory: window_scalars * ring for each source.
    CIRCULANT_INLINE Stage(const DepthwiseLayout& layout, size_t sources, T* memory)
        : layout_(layout),
          sources_(sources),
          memory_(memory),
          pitch_(static_cast<ptrdiff_t>(layout.is_series   ? kLanes<T>
                                        : layout.is_staged ? layout.phases * layout.phase_width
                                                           : layout.source_width)),
          clears_(layout.block_count > 1) {
        if (!clears_) clear(memory, sources * layout.ring * layout.window_scalars);
    }

    CIRCULANT_INLINE void start(const Block& block, const S* volumes) {
        block_ = &block;
        volumes_ = volumes;
        staged_ = 0;
    }

    CIRCULANT_INLINE void advance(const Slice& slice) {
        if (!layout_.is_staged) return;
        staged_ = staged_ < slice.stage_first ? slice.stage_first : staged_;
        for (; staged_ < slice.stage_end; ++staged_)
            for (size_t source = 0; source < sources_; ++source)
                stage_plane(layout_, *block_, plane(source, staged_), clears_, slot(source, staged_));
    }

    CIRCULANT_INLINE Window<T> window(size_t source, size_t depth) const {
        if constexpr (sizeof(S) == sizeof(T))
            if (!layout_.is_staged) {
                const T* const at = reinterpret_cast<const T*>(plane(source, depth)) + block_->window_column;
                return {at, block_->window_row, pitch_, block_->window_column};
            }
        return {slot(source, depth), block_->window_row, pitch_, block_->window_column};
    }

private:
    CIRCULANT_INLINE const S* plane(size_t source, size_t depth) const {
        const size_t planes = source * layout_.source_depth + depth;
        return volumes_ + planes * layout_.source_height * layout_.source_width;
    }

    CIRCULANT_INLINE T* slot(size_t source, size_t depth) const {
        return memory_ + (source * layout_.ring + depth % layout_.ring) * layout_.window_scalars;
    }

    const DepthwiseLayout& layout_;
    size_t sources_;
    T* memory_;
    ptrdiff_t pitch_;
    bool clears_;
    const Block* block_ = nullptr;
    const S* volumes_ = nullptr;
    size_t staged_ = 0;
};

}  // namespace circulant::CIRCULANT_ISA
