// Real rows as sources and sinks of a transform (fft/ends.hpp).
#pragma once

#include "core/convert.hpp"
#include "kernels/long_conv_job.hpp"

namespace circulant::CIRCULANT_ISA {

// Samples in one piece, the first of them at position `offset`: times a gate where there is one, and a scale.
template <class S, bool gated>
struct PlainSource {
    using T = Arithmetic<S>;

    const S* samples;
    const S* gate;
    size_t offset, extent;
    T scale;

    CIRCULANT_INLINE Vector<T> load(size_t at) const {
        const size_t first = at - offset;  // may wrap below zero, far above extent
        if (extent >= kLanes<T> && first <= extent - kLanes<T>) {
            const Vector<T> values = widen(samples + first) * scale;
            return gated ? values * widen(gate + first) : values;
        }
        const size_t end = offset + extent;
        if (at >= end || at + kLanes<T> <= offset) return Vector<T>{};
        const size_t lane = at < offset ? offset - at : 0, stop = end - at < kLanes<T> ? end - at : kLanes<T>;
        const Vector<T> values = widen_between(samples + (first + lane), lane, stop) * scale;
        return gated ? values * widen_between(gate + (first + lane), lane, stop) : values;
    }
};

// A row, laid out as the placement says: times a gate where there is one, times a scale, and with an
// addend at one position.
template <class S>
struct RowSource {
    using T = Arithmetic<S>;

    const S* row;
    Placement place;
    const S* gate = nullptr;
    T scale = 1;
    size_t addend_at = ~size_t{0};
    T addend = 0;

    bool is_plain() const { return place.phase + place.extent <= place.length && addend_at == ~size_t{0}; }

    template <bool gated>
    PlainSource<S, gated> plain() const {
        return {row + place.phase, gated ? gate + place.phase : nullptr, place.offset, place.extent, scale};
    }

    CIRCULANT_INLINE Vector<T> load(size_t at) const {
        Vector<T> values = gate == nullptr ? load_row(row, at) : load_row(row, at) * load_row(gate, at);
        values *= scale;
        if (addend_at - at < kLanes<T>) values[addend_at - at] += addend;
        return values;
    }

private:
    CIRCULANT_INLINE Vector<T> load_row(const S* from, size_t at) const {
        const size_t first = at - place.offset, sample = place.phase + first;  // may wrap below zero
        if (at >= place.offset && first + kLanes<T> <= place.extent && sample + kLanes<T> <= place.length)
            return widen(from + sample);
        return load_edge(from, at);
    }

    CIRCULANT_INLINE Vector<T> load_edge(const S* from, size_t at) const {
        const size_t end = place.offset + place.extent;
        Vector<T> values{};
        if (at >= end || at + kLanes<T> <= place.offset) return values;
        size_t lane = at < place.offset ? place.offset - at : 0;
        const size_t last = end - at < kLanes<T> ? end - at : kLanes<T>;
        size_t sample = (place.phase + (at + lane - place.offset)) % place.length;
        while (lane < last) {  // more than once where the row wraps around
            const size_t left = place.length - sample;
            const size_t stop = last - lane < left ? last : lane + left;
            values += widen_between(from + sample, lane, stop);
            lane = stop;
            sample = 0;
        }
        return values;
    }
};

// The samples from position `window` on become a row, times a gate where there is one.
template <class S>
struct RowSink {
    using T = Arithmetic<S>;

    S* row;
    size_t window, count;
    const S* gate = nullptr;

    CIRCULANT_INLINE void put(size_t at, Vector<T> value) const {
        const size_t i = at - window;  // far above count when the position lies before the window
        if (i >= count) return;
        if (count - i >= kLanes<T>) {
            if (gate != nullptr) value *= widen(gate + i);
            narrow(row + i, value);
        } else {
            if (gate != nullptr) value *= widen_between(gate + i, 0, count - i);
            narrow_first(row + i, value, count - i);
        }
    }
};

}  // namespace circulant::CIRCULANT_ISA
