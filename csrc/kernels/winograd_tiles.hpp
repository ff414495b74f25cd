// Tiles of patches: transformed, multiplied frequency by frequency, transformed back.
#pragma once

#include "core/convert.hpp"
#include "kernels/strip_rows.hpp"
#include "kernels/tap_tile.hpp"
#include "kernels/winograd_job.hpp"
#include "kernels/winograd_matrices.hpp"

namespace circulant::CIRCULANT_ISA {

static_assert(kWinogradRows == kTileRows);

template <size_t patch>
inline constexpr size_t kReach = patch + 2;  // samples along an axis that a patch meets

template <size_t patch>
inline constexpr size_t kFrequencies = kReach<patch> * kReach<patch>;

// Output channels first .. last - 1.
template <size_t patch, class S, class T = Arithmetic<S>>
void transform_filters_of(const WinogradJob<S>& job, size_t first, size_t last) {
    constexpr size_t reach = kReach<patch>;
    for (size_t o = first; o < last; ++o)
        for (size_t c = 0; c < job.in_channels; ++c) {
            const S* const weight = job.weight + (o * job.in_channels + c) * 9;
            T taps[3][3], spectrum[reach][reach];
            for (size_t tap = 0; tap < 9; ++tap) taps[tap / 3][tap % 3] = widen_one(weight[tap]);
            multiply_both<T>(Filtering<patch>::filter, taps, spectrum);
            T* const to = job.filters + o * kFrequencies<patch> * job.in_channels + c;
            for (size_t f = 0; f < kFrequencies<patch>; ++f)
                to[f * job.in_channels] = spectrum[f / reach][f % reach];
        }
}

// A channel of a tile, from its strip, vectors of patches at a time: to[frequency] is `apart` numbers on.
// Vectors reach behind the end of a row of patches, where the next row is written after it.
template <size_t patch, class S, class T = Arithmetic<S>>
void transform_data(const WinogradJob<S>& job, const T* strip, size_t rows, size_t columns, size_t apart, T* to) {
    constexpr size_t reach = kReach<patch>;
    for (size_t r = 0; r < rows; ++r)
        for (size_t q = 0; q < columns; q += kLanes<T>) {
            Vector<T> samples[reach][reach], spectrum[reach][reach];
            for (size_t i = 0; i < reach; ++i)
                CIRCULANT_UNROLL
                for (size_t j = 0; j < reach; ++j)
                    samples[i][j] = load(strip + (r * patch + i) * job.strip.row_scalars() +
                                         j % patch * job.strip.phase_width + j / patch + q);
            multiply_both<T>(Filtering<patch>::data, samples, spectrum);
            for (size_t f = 0; f < kFrequencies<patch>; ++f)
                store(to + f * apart + r * columns + q, spectrum[f / reach][f % reach]);
        }
}

// One frequency of a block of output channels at a piece of the positions of a tile.
template <class T>
struct FrequencyProducts {
    Numbers<T> numbers;
    Factors<T> factors;
    T* to;
    size_t to_stride;

    template <size_t rows, size_t vectors>
    __attribute__((noinline)) void run() const {
        Vector<T> sum[rows][vectors] = {};
        add_products(sum, factors, numbers, (vectors - 1) * kLanes<T>);
        CIRCULANT_UNROLL
        for (size_t r = 0; r < rows; ++r)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v) store(to + r * to_stride + v * kLanes<T>, sum[r][v]);
    }
};

// products (frequency, channel of the block, position) for output channels from `channel` on.
template <size_t patch, class S, class T = Arithmetic<S>>
void multiply_frequencies(const WinogradJob<S>& job, const T* data, size_t channel, size_t channels,
                          size_t positions, T* products) {
    constexpr size_t here = 0;
    const Blocks pieces((positions + kLanes<T> - 1) / kLanes<T>, kTileVectors);
    const T* const filters = job.filters + channel * kFrequencies<patch> * job.in_channels;
    for (size_t f = 0; f < kFrequencies<patch>; ++f)
        for (size_t p = 0; p < pieces.count; ++p) {
            const size_t at = pieces.first(p) * kLanes<T>;
            const FrequencyProducts<T> piece = {
                {data + f * job.in_channels * job.position_scalars + at, job.in_channels, job.position_scalars,
                 &here, 1},
                {filters + f * job.in_channels, kFrequencies<patch> * job.in_channels},
                products + f * kTileRows * job.position_scalars + at,
                job.position_scalars};
            with_tile(channels, pieces.length(p), piece);
        }
}

// Patches side by side become rows of y: number b of patch q is column q patch + b.
template <size_t patch, class S, class T = Arithmetic<S>>
void write_patches(const Vector<T> (&values)[patch], size_t count, S* to) {
    T lanes[patch][kLanes<T>], row[patch * kLanes<T>];
    for (size_t b = 0; b < patch; ++b) store(lanes[b], values[b]);
    for (size_t q = 0; q < kLanes<T>; ++q)
        for (size_t b = 0; b < patch; ++b) row[q * patch + b] = lanes[b][q];
    size_t k = 0;
    for (; k + kLanes<T> <= count; k += kLanes<T>) narrow(to + k, load(row + k));
    for (; k < count; ++k) to[k] = narrow_one<S>(row[k]);
}

// One output channel of a tile, from its products. height and width: outputs left in the plane.
template <size_t patch, class S, class T = Arithmetic<S>>
void transform_back(const WinogradJob<S>& job, const T* products, size_t columns, size_t height, size_t width,
                    S* to) {
    constexpr size_t reach = kReach<patch>, many = patch * kLanes<T>;
    for (size_t i = 0; i < height; i += patch)
        for (size_t q = 0; q < columns; q += kLanes<T>) {
            const T* const from = products + i / patch * columns + q;
            Vector<T> spectrum[reach][reach], outputs[patch][patch];
            for (size_t f = 0; f < kFrequencies<patch>; ++f)
                spectrum[f / reach][f % reach] = load(from + f * kTileRows * job.position_scalars);
            multiply_both<T>(Filtering<patch>::result, spectrum, outputs);
            const size_t left = width - q * patch, rows = height - i < patch ? height - i : patch;
            for (size_t a = 0; a < rows; ++a)
                write_patches<patch>(outputs[a], left < many ? left : many,
                                     to + (i + a) * job.out_width + q * patch);
        }
}

// The patches of one tile, and the outputs of them that lie in the plane.
struct PatchTile {
    size_t row, column, rows, columns;  // of patches
    size_t height, width;               // of outputs
};

template <size_t patch, class S>
CIRCULANT_INLINE PatchTile patch_tile(const WinogradJob<S>& job, size_t tile) {
    const size_t row = tile / job.column_tiles * job.tile_rows, column = tile % job.column_tiles * job.tile_columns;
    const size_t down = job.out_height - row * patch, right = job.out_width - column * patch;
    const size_t height = down < job.tile_rows * patch ? down : job.tile_rows * patch;
    const size_t width = right < job.tile_columns * patch ? right : job.tile_columns * patch;
    return {row, column, (height + patch - 1) / patch, (width + patch - 1) / patch, height, width};
}

// Tiles first .. last - 1, counted over (image, row, column).
// workspace: the strip of a channel, then data (frequency, channel, position), then products.
template <size_t patch, class S, class T = Arithmetic<S>>
void run_tiles_of(const WinogradJob<S>& job, size_t first, size_t last, T* workspace) {
    const size_t tiles = job.row_tiles * job.column_tiles, apart = job.in_channels * job.position_scalars;
    const size_t x_plane = job.strip.height * job.strip.width, y_plane = job.out_height * job.out_width;
    T* const data = workspace + job.strip_scalars;
    T* const products = data + kFrequencies<patch> * apart;
    for (size_t item = first; item < last; ++item) {
        const size_t image = item / tiles;
        const PatchTile t = patch_tile<patch>(job, item % tiles);
        for (size_t c = 0; c < job.in_channels; ++c) {
            fill_strip(job.strip, job.x + (image * job.in_channels + c) * x_plane, t.row * patch,
                       t.rows * patch + 2, t.column * patch, T{0}, workspace);
            transform_data<patch, S>(job, workspace, t.rows, t.columns, apart, data + c * job.position_scalars);
        }
        const Blocks blocks(job.out_channels, kTileRows);
        for (size_t b = 0; b < blocks.count; ++b) {
            const size_t channel = blocks.first(b), channels = blocks.length(b);
            multiply_frequencies<patch, S>(job, data, channel, channels, t.rows * t.columns, products);
            for (size_t o = 0; o < channels; ++o)
                transform_back<patch, S>(job, products + o * job.position_scalars, t.columns, t.height, t.width,
                                         job.y + (image * job.out_channels + channel + o) * y_plane +
                                             t.row * patch * job.out_width + t.column * patch);
        }
    }
}

template <class S>
void transform_filters(const WinogradJob<S>& job, size_t first, size_t last) {
    return job.patch == 2 ? transform_filters_of<2>(job, first, last) : transform_filters_of<4>(job, first, last);
}

template <class S>
void run_winograd_tiles(const WinogradJob<S>& job, size_t first, size_t last, Arithmetic<S>* workspace) {
    return job.patch == 2 ? run_tiles_of<2>(job, first, last, workspace)
                          : run_tiles_of<4>(job, first, last, workspace);
}

}  // namespace circulant::CIRCULANT_ISA
