// One axis of a transform: blocks of lines, side by side.
#pragma once

#include "kernels/transform_lines.hpp"
#include "kernels/transform_stages.hpp"

namespace circulant::CIRCULANT_ISA {

// Lines `first` .. of a block that begins at line number `line` of those left over, or of a whole block.
template <class T>
Lanes<T> lanes_of(const TransformPass<T>& pass, const PassBlocks& blocks, size_t block, size_t part, size_t length,
                  size_t scalars) {
    Lanes<T> lanes{};
    lanes.step = pass.inner * scalars;
    const size_t of_group = length * pass.inner, shift = part * kLanes<T>;
    if (block < pass.outer * blocks.whole) {
        const size_t group = block / blocks.whole, start = block % blocks.whole * blocks.width + shift;
        for (size_t lane = 0; lane < kLanes<T>; ++lane)
            lanes.starts[lane] = (group * of_group + start + lane) * scalars;
        lanes.count = kLanes<T>;
        lanes.adjacent = true;
        return lanes;
    }
    const size_t all = pass.outer * blocks.left;
    const size_t begin = (block - pass.outer * blocks.whole) * blocks.width + shift;
    lanes.count = begin >= all ? 0 : all - begin < kLanes<T> ? all - begin : kLanes<T>;
    for (size_t lane = 0; lane < kLanes<T>; ++lane) {
        const size_t number = begin + lane < all ? begin + lane : all - 1;
        const size_t group = number / blocks.left, place = number % blocks.left;
        lanes.starts[lane] = (group * of_group + pass.inner - blocks.left + place) * scalars;
    }
    return lanes;
}

template <class T>
struct Block {
    Lanes<T> a, b;  // real lines come in twos: the real and the imaginary part of one complex line
};

template <class T>
Block<T> block_of(const TransformPass<T>& pass, const PassBlocks& blocks, size_t block, size_t length,
                  size_t scalars) {
    Block<T> both{lanes_of(pass, blocks, block, 0, length, scalars), {}};
    if (blocks.width > kLanes<T>) both.b = lanes_of(pass, blocks, block, 1, length, scalars);
    return both;
}

template <class T>
CIRCULANT_INLINE Complex<T> swapped_at(const T* data, size_t k) {
    const Complex<T> value = load_complex(data + 2 * k * kLanes<T>);
    return {value.im, value.re};
}

// Of two real lines a + i b with the transform z: their own transforms at k, from z at k and at n - k.
template <class T>
struct Spectra {
    Complex<T> a, b;

    CIRCULANT_INLINE Spectra(Complex<T> z, Complex<T> mirrored, T scale)
        : a{(z.re + mirrored.re) * scale, (z.im - mirrored.im) * scale},
          b{(z.im + mirrored.im) * scale, (mirrored.re - z.re) * scale} {}
};

// The sign is minus here: butterflies have plus, and see real and imaginary parts exchanged.
template <class T>
void load_pairs_of_real(const TransformPass<T>& pass, const Block<T>& block, bool reordered, T* data) {
    const size_t n = pass.fft.size;
    const auto position = [&](size_t j) { return !reordered ? j : j % 2 == 0 ? j / 2 : n - 1 - j / 2; };
    load_real(pass.from, block.a, n, [&](size_t j) { return data + (2 * position(j) + 1) * kLanes<T>; });
    load_real(pass.from, block.b, n, [&](size_t j) { return data + 2 * position(j) * kLanes<T>; });
}

template <class T>
void real_to_spectrum(const TransformPass<T>& pass, const PassBlocks& blocks, size_t number, T* data, T* other) {
    const size_t n = pass.fft.size, bins = pass.bins;
    load_pairs_of_real(pass, block_of(pass, blocks, number, n, 1), false, data);
    const T* const values = transform_lines(pass.fft, data, other);
    const auto spectra = [&](size_t k) {
        const T half = pass.scale * static_cast<T>(0.5) * (k == 0 || 2 * k == n ? T{1} : pass.middle);
        return Spectra<T>(swapped_at(values, k), swapped_at(values, k == 0 ? 0 : n - k), half);
    };
    const Block<T> to = block_of(pass, blocks, number, bins, 2);
    store_rows(pass.to, to.a, 2 * bins, [&](size_t i) {
        const Spectra<T> both = spectra(i / 2);
        return i % 2 == 0 ? both.a.re : both.a.im;
    });
    store_rows(pass.to, to.b, 2 * bins, [&](size_t i) {
        const Spectra<T> both = spectra(i / 2);
        return i % 2 == 0 ? both.b.re : both.b.im;
    });
}

template <class T>
void spectrum_to_real(const TransformPass<T>& pass, const PassBlocks& blocks, size_t number, T* data, T* other) {
    const size_t n = pass.fft.size, bins = pass.bins;
    const Block<T> from = block_of(pass, blocks, number, bins, 2);
    T* const second = other + 2 * bins * kLanes<T>;
    load_rows(pass.from, from.a, 2 * bins, [&](size_t i) { return other + i * kLanes<T>; });
    load_rows(pass.from, from.b, 2 * bins, [&](size_t i) { return second + i * kLanes<T>; });
    for (size_t k = 0; k < bins; ++k) {
        Complex<T> a = load_complex(other + 2 * k * kLanes<T>), b = load_complex(second + 2 * k * kLanes<T>);
        const bool is_own_mirror = k == 0 || 2 * k == n;
        if (is_own_mirror) a.im = b.im = Vector<T>{};
        const T size = pass.scale * (is_own_mirror ? T{1} : pass.middle);
        const Complex<T> z = {(a.re - b.im) * size, (a.im + b.re) * size};
        const Complex<T> mirrored = {(a.re + b.im) * size, (b.re - a.im) * size};
        store_complex(data + 2 * k * kLanes<T>, z);
        if (!is_own_mirror) store_complex(data + 2 * (n - k) * kLanes<T>, mirrored);
    }
    for (size_t k = bins; k + bins <= n; ++k) store_complex(data + 2 * k * kLanes<T>, Complex<T>{});
    const T* const values = transform_lines(pass.fft, data, other);
    const Block<T> to = block_of(pass, blocks, number, n, 1);
    store_rows(pass.to, to.a, n, [&](size_t j) { return load(values + 2 * j * kLanes<T>); });
    store_rows(pass.to, to.b, n, [&](size_t j) { return load(values + (2 * j + 1) * kLanes<T>); });
}

template <class T>
void complex_lines(const TransformPass<T>& pass, const PassBlocks& blocks, size_t number, T* data, T* other) {
    const size_t n = pass.fft.size;
    const Lanes<T> lanes = lanes_of(pass, blocks, number, 0, n, 2);
    load_complex_lines(pass.from, lanes, n, !pass.positive, data);
    const T* const values = transform_lines(pass.fft, data, other);
    store_complex_lines(values, lanes, n, !pass.positive, pass.scale, pass.to);
}

// Makhoul: the even samples, then the odd ones backwards, have a Fourier transform of equal length, which turned
// by quarters of a sample has the cosine transform for its real part.
template <class T>
void cosine_lines(const TransformPass<T>& pass, const PassBlocks& blocks, size_t number, T* data, T* other) {
    const size_t n = pass.fft.size;
    const Block<T> block = block_of(pass, blocks, number, n, 1);
    load_pairs_of_real(pass, block, true, data);
    const T* const values = transform_lines(pass.fft, data, other);
    const auto spectra = [&](size_t k) {
        return Spectra<T>(swapped_at(values, k), swapped_at(values, k == 0 ? 0 : n - k), T{1});
    };
    store_real(pass.to, block.a, n, [&](size_t k) {
        const Spectra<T> both = spectra(k);
        return both.a.re * pass.turns[2 * k] + both.a.im * pass.turns[2 * k + 1];
    });
    store_real(pass.to, block.b, n, [&](size_t k) {
        const Spectra<T> both = spectra(k);
        return both.b.re * pass.turns[2 * k] + both.b.im * pass.turns[2 * k + 1];
    });
}

template <class T>
void inverse_cosine_lines(const TransformPass<T>& pass, const PassBlocks& blocks, size_t number, T* data, T* other) {
    const size_t n = pass.fft.size;
    const Block<T> block = block_of(pass, blocks, number, n, 1);
    T* const second = other + (n + 1) * kLanes<T>;
    for (T* coefficients : {other, second}) store(coefficients + n * kLanes<T>, Vector<T>{});
    load_real(pass.from, block.a, n, [&](size_t k) { return other + k * kLanes<T>; });
    load_real(pass.from, block.b, n, [&](size_t k) { return second + k * kLanes<T>; });
    for (size_t k = 0; k < n; ++k) {
        const T re = pass.turns[2 * k], im = pass.turns[2 * k + 1];
        const Complex<T> a = times(Complex<T>{load(other + k * kLanes<T>), -load(other + (n - k) * kLanes<T>)}, re, im);
        const Complex<T> b = times(Complex<T>{load(second + k * kLanes<T>), -load(second + (n - k) * kLanes<T>)}, re, im);
        store_complex(data + 2 * k * kLanes<T>, Complex<T>{a.re - b.im, a.im + b.re});
    }
    const T* const values = transform_lines(pass.fft, data, other);
    const auto position = [&](size_t j) { return j % 2 == 0 ? j / 2 : n - 1 - j / 2; };
    store_real(pass.to, block.a, n, [&](size_t j) { return load(values + 2 * position(j) * kLanes<T>); });
    store_real(pass.to, block.b, n, [&](size_t j) { return load(values + (2 * position(j) + 1) * kLanes<T>); });
}

template <class T>
void transform_blocks(const TransformPass<T>& pass, size_t first, size_t last, T* workspace) {
    T* const other = workspace + buffer_vectors(pass.fft.size) * kLanes<T>;
    const PassBlocks blocks(pass.outer, pass.inner, lines_abreast(pass.kind, kLanes<T>));
    for (size_t number = first; number < last; ++number) switch (pass.kind) {
            case PassKind::real_to_spectrum: real_to_spectrum(pass, blocks, number, workspace, other); break;
            case PassKind::spectrum_to_real: spectrum_to_real(pass, blocks, number, workspace, other); break;
            case PassKind::complex: complex_lines(pass, blocks, number, workspace, other); break;
            case PassKind::cosine: cosine_lines(pass, blocks, number, workspace, other); break;
            case PassKind::cosine_inverse: inverse_cosine_lines(pass, blocks, number, workspace, other); break;
        }
}

}  // namespace circulant::CIRCULANT_ISA
