// The three transforms of Winograd's minimal filtering, for 2 and for 4 outputs of 3 taps.
#pragma once

#include "core/simd.hpp"

namespace circulant::CIRCULANT_ISA {

template <size_t rows, size_t columns>
struct Matrix {
    double at[rows][columns];
};

template <size_t patch>
struct Filtering;

// Interpolation at 0, 1, -1 and infinity.
template <>
struct Filtering<2> {
    static constexpr Matrix<4, 4> data = {{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}};
    static constexpr Matrix<4, 3> filter = {{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}};
    static constexpr Matrix<2, 4> result = {{{1, 1, 1, 0}, {0, 1, -1, -1}}};
};

// Interpolation at 0, 1, -1, 2, -2 and infinity.
template <>
struct Filtering<4> {
    static constexpr Matrix<6, 6> data = {{{4, 0, -5, 0, 1, 0},
                                           {0, -4, -4, 1, 1, 0},
                                           {0, 4, -4, -1, 1, 0},
                                           {0, -2, -1, 2, 1, 0},
                                           {0, 2, -1, -2, 1, 0},
                                           {0, 4, 0, -5, 0, 1}}};
    static constexpr Matrix<6, 3> filter = {{{1.0 / 4, 0, 0},
                                             {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                             {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                             {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                             {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                             {0, 0, 1}}};
    static constexpr Matrix<4, 6> result = {
        {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}};
};

// to = matrix from; V is a number of type T or a vector of them. Nothing is multiplied by zero.
template <class T, class V, size_t rows, size_t columns>
CIRCULANT_INLINE void multiply(const Matrix<rows, columns>& matrix, const V (&from)[columns], V (&to)[rows]) {
    CIRCULANT_UNROLL
    for (size_t i = 0; i < rows; ++i) {
        V sum{};
        CIRCULANT_UNROLL
        for (size_t j = 0; j < columns; ++j)
            if (matrix.at[i][j] != 0) sum += from[j] * static_cast<T>(matrix.at[i][j]);
        to[i] = sum;
    }
}

// to = matrix from matrix^T.
template <class T, class V, size_t rows, size_t columns>
CIRCULANT_INLINE void multiply_both(const Matrix<rows, columns>& matrix, const V (&from)[columns][columns],
                                    V (&to)[rows][rows]) {
    V half[columns][rows];  // rows of `from` transformed, then its columns
    CIRCULANT_UNROLL
    for (size_t i = 0; i < columns; ++i) multiply<T>(matrix, from[i], half[i]);
    CIRCULANT_UNROLL
    for (size_t j = 0; j < rows; ++j) {
        V column[columns], sum[rows];
        CIRCULANT_UNROLL
        for (size_t i = 0; i < columns; ++i) column[i] = half[i][j];
        multiply<T>(matrix, column, sum);
        CIRCULANT_UNROLL
        for (size_t i = 0; i < rows; ++i) to[i][j] = sum[i];
    }
}

}  // namespace circulant::CIRCULANT_ISA
