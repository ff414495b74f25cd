// Planes of channels into pixels whose channels lie beside each other, and back.
#pragma once

#include "core/convert.hpp"
#include "core/transpose.hpp"

namespace circulant::CIRCULANT_ISA {

// One square of as many channels as pixels; channels from `channels` on count as zero.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void load_square(const S* planes, size_t plane, size_t channels, size_t pixels,
                                  Vector<T> (&rows)[kLanes<T>]) {
    CIRCULANT_UNROLL
    for (size_t c = 0; c < kLanes<T>; ++c) {
        const S* const from = planes + c * plane;
        if (c >= channels)
            rows[c] = Vector<T>{};
        else
            rows[c] = pixels >= kLanes<T> ? widen(from) : widen_between(from, 0, pixels);
    }
    transpose<T>(rows);
}

// pixels[i padded + c] = planes[c plane + i] for i < count. `padded` is a multiple of the vector, and
// then channels up to it are set to zero, or it is smaller than one.
template <class S, class T = Arithmetic<S>>
void to_pixels(const S* planes, size_t plane, size_t channels, size_t count, T* pixels, size_t padded) {
    constexpr size_t lanes = kLanes<T>;
    if (padded < lanes) {
        for (size_t c = 0; c < channels; ++c)
            for (size_t i = 0; i < count; ++i) pixels[i * padded + c] = widen_one(planes[c * plane + i]);
        return;
    }
    for (size_t i = 0; i < count; i += lanes)
        for (size_t c = 0; c < padded; c += lanes) {
            Vector<T> rows[lanes];
            load_square(planes + c * plane + i, plane, channels > c ? channels - c : 0, count - i, rows);
            const size_t filled = count - i < lanes ? count - i : lanes;
            for (size_t n = 0; n < filled; ++n) store(pixels + (i + n) * padded + c, rows[n]);
        }
}

// planes[c plane + i] = pixels[i padded + c] for i < count and c < channels.
template <class S, class T = Arithmetic<S>>
void to_planes(const T* pixels, size_t padded, size_t channels, size_t count, S* planes, size_t plane) {
    constexpr size_t lanes = kLanes<T>;
    if (padded < lanes) {
        for (size_t c = 0; c < channels; ++c)
            for (size_t i = 0; i < count; ++i) planes[c * plane + i] = narrow_one<S>(pixels[i * padded + c]);
        return;
    }
    for (size_t i = 0; i < count; i += lanes)
        for (size_t c = 0; c < channels; c += lanes) {
            Vector<T> rows[lanes];
            const size_t filled = count - i < lanes ? count - i : lanes;
            for (size_t n = 0; n < lanes; ++n)
                rows[n] = n < filled ? load(pixels + (i + n) * padded + c) : Vector<T>{};
            transpose<T>(rows);
            const size_t kept = channels - c < lanes ? channels - c : lanes;
            for (size_t n = 0; n < kept; ++n) {
                S* const to = planes + (c + n) * plane + i;
                if (filled == lanes)
                    narrow(to, rows[n]);
                else
                    narrow_first(to, rows[n], filled);
            }
        }
}

}  // namespace circulant::CIRCULANT_ISA
