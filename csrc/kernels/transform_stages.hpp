// A complex transform of as many lines as there are lanes: position k is the k-th complex vector of a buffer.
#pragma once

#include "fft/butterfly.hpp"
#include "kernels/transform_job.hpp"

namespace circulant::CIRCULANT_ISA {

// Eight complex vectors fit 32 registers, four fit 16.
inline constexpr size_t kWidestStage = CIRCULANT_VECTOR_BYTES == 64 ? 8 : 4;

// Any odd radix from its cosines and sines: what goes in as a[k] and a[radix - k] is added and subtracted.
template <size_t radix, class T>
CIRCULANT_INLINE void odd_butterfly(Complex<T> (&a)[radix], const T* waves) {
    constexpr size_t half = radix / 2;
    Complex<T> sum[half], difference[half], total = a[0];
    CIRCULANT_UNROLL
    for (size_t k = 0; k < half; ++k) {
        sum[k] = a[k + 1] + a[radix - 1 - k];
        difference[k] = a[k + 1] - a[radix - 1 - k];
        total = total + sum[k];
    }
    CIRCULANT_UNROLL
    for (size_t j = 1; j <= half; ++j) {
        Complex<T> even = a[0], odd{};
        CIRCULANT_UNROLL
        for (size_t k = 0; k < half; ++k) {
            const size_t turn = j * (k + 1) % radix;
            const T cosine = waves[2 * turn], sine = waves[2 * turn + 1];
            even = {even.re + sum[k].re * cosine, even.im + sum[k].im * cosine};
            odd = {odd.re + difference[k].re * sine, odd.im + difference[k].im * sine};
        }
        a[j] = plus_i(even, odd);
        a[radix - j] = minus_i(even, odd);
    }
    a[0] = total;
}

template <size_t radix, class T>
CIRCULANT_INLINE void stage_butterfly(Complex<T> (&a)[radix], const T* waves) {
    if constexpr (radix > 5 && radix % 2 == 1)
        odd_butterfly(a, waves);
    else
        butterfly(a);
}

template <size_t radix, class T>
void run_stage(const Stage<T>& stage, const T* from, T* to) {
    constexpr size_t step = 2 * kLanes<T>;
    const size_t apart = step * stage.done * stage.rest, neighbours = step * stage.done;
    const T* roots = stage.roots;
    for (size_t p = 0; p < stage.rest; ++p, roots += 2 * (radix - 1)) {
        for (size_t q = 0; q < neighbours; q += step) {
            Complex<T> a[radix];
            CIRCULANT_UNROLL
            for (size_t k = 0; k < radix; ++k) a[k] = load_complex(from + p * neighbours + q + k * apart);
            stage_butterfly(a, stage.waves);
            T* const out = to + radix * p * neighbours + q;
            store_complex(out, a[0]);
            CIRCULANT_UNROLL
            for (size_t j = 1; j < radix; ++j)
                store_complex(out + j * neighbours, times(a[j], roots[2 * j - 2], roots[2 * j - 1]));
        }
    }
}

// The buffer that holds the result: `data`, or `other`.
template <class T>
T* transform_lines(const FftView<T>& fft, T* data, T* other) {
    for (size_t depth = 0; depth < fft.depth; ++depth) {
        const Stage<T>& stage = fft.stages[depth];
        switch (stage.radix) {
            case 2: run_stage<2>(stage, data, other); break;
            case 3: run_stage<3>(stage, data, other); break;
            case 4: run_stage<4>(stage, data, other); break;
            case 5: run_stage<5>(stage, data, other); break;
            case 7: run_stage<7>(stage, data, other); break;
            case 8: run_stage<8>(stage, data, other); break;
            case 11: run_stage<11>(stage, data, other); break;
            default: run_stage<13>(stage, data, other);
        }
        T* const result = other;
        other = data;
        data = result;
    }
    return data;
}

}  // namespace circulant::CIRCULANT_ISA
