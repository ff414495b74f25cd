// What one pass of a transform along an axis tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "kernels/transform_fft.hpp"

namespace circulant {

// What lies in memory before and after: real lines, complex lines, half spectra.
enum class PassKind { real_to_spectrum, spectrum_to_real, complex, cosine, cosine_inverse };

// Line (o, i) of outer x inner lines begins at element o length inner + i, and its elements lie `inner`
// apart; an element is a scalar or a pair. Lines of half spectra have inner = 1.
template <class T>
struct TransformPass {
    PassKind kind;
    FftView<T> fft;
    std::size_t outer, inner;
    std::size_t bins;  // of a half spectrum that are there, the first ones
    bool positive;    // the sign of the exponent
    T scale, middle;
    const T* turns;  // of the cosine kinds
    const T* from;
    T* to;  // may be `from` where lines keep their size
};

// Buffers of a thread, in vectors.
constexpr std::size_t buffer_vectors(std::size_t length) { return 2 * length + 4; }

// Blocks of lines that are transformed side by side: whole ones within each group of `inner` lines, then
// those of the lines that are left over.
struct PassBlocks {
    std::size_t width;  // lines of a block
    std::size_t whole;  // whole blocks of each group
    std::size_t left;   // lines of each group that are in none of them
    std::size_t count;  // of all blocks

    PassBlocks(std::size_t outer, std::size_t inner, std::size_t lines)
        : width(lines),
          whole(inner == 1 ? 0 : inner / lines),
          left(inner - whole * lines),
          count(outer * whole + (outer * left + lines - 1) / lines) {}
};

constexpr std::size_t lines_abreast(PassKind kind, std::size_t lanes) {
    return kind == PassKind::complex ? lanes : 2 * lanes;
}

}  // namespace circulant
