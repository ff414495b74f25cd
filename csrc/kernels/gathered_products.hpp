// Gathered convolution between all channels of a group: products of matrices whose rows are looked up,
// not copied.
#pragma once

#include "kernels/gathered_rows.hpp"

namespace circulant::CIRCULANT_ISA {

// Half of the registers hold results, in two columns of vectors.
inline constexpr size_t kProductVectors = 2;
inline constexpr size_t kProductRows = CIRCULANT_VECTOR_BYTES == 64 ? 8 : 4;

// to[r] += sum over k of from[r][k] panel[k], for `vectors` vectors. Rows of `to` may be the same one.
template <size_t rows, size_t vectors, class T>
CIRCULANT_INLINE void add_product(const T* const (&from)[rows], size_t count, const T* panel,
                                  size_t panel_step, T* const (&to)[rows], size_t channel) {
    Vector<T> total[rows][vectors] = {};
    for (size_t k = 0; k < count; ++k) {
        const T* const line = panel + k * panel_step + channel;
        Vector<T> factor[vectors];
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) factor[v] = load(line + v * kLanes<T>);
        CIRCULANT_UNROLL
        for (size_t r = 0; r < rows; ++r)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v) total[r][v] += factor[v] * from[r][k];
    }
    for (size_t r = 0; r < rows; ++r)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) {
            T* const at = to[r] + channel + v * kLanes<T>;
            store(at, load(at) + total[r][v]);
        }
}

template <size_t rows, class T>
CIRCULANT_INLINE void add_products(const T* const (&from)[rows], size_t count, const T* panel, size_t width,
                                   T* const (&to)[rows]) {
    size_t channel = 0;
    for (; channel + kProductVectors * kLanes<T> <= width; channel += kProductVectors * kLanes<T>)
        add_product<rows, kProductVectors>(from, count, panel, width, to, channel);
    for (; channel < width; channel += kLanes<T>)
        add_product<rows, 1>(from, count, panel, width, to, channel);
}

// One tap of a tile: sources(i) -> the row that result i reads, targets(i) -> the one that it adds to.
template <class T, class Sources, class Targets>
CIRCULANT_INLINE void multiply_tile(size_t results, size_t count, const T* panel, size_t width,
                                    const Sources& sources, const Targets& targets) {
    size_t i = 0;
    for (; i + kProductRows <= results; i += kProductRows) {
        const T* from[kProductRows];
        T* to[kProductRows];
        for (size_t r = 0; r < kProductRows; ++r) {
            from[r] = sources(i + r);
            to[r] = targets(i + r);
        }
        add_products<kProductRows>(from, count, panel, width, to);
    }
    for (; i < results; ++i) {
        const T* const from[1] = {sources(i)};
        T* const to[1] = {targets(i)};
        add_products<1>(from, count, panel, width, to);
    }
}

// panel[tap][in][out]: kernels of `outs` output channels from `out` on.
template <class S, class T = Arithmetic<S>>
void lay_panel(const GatheredJob<S>& job, size_t group, size_t out, size_t outs, T* panel) {
    const size_t kernel = job.group_in * job.taps;
    const S* const from = job.second + (group * job.group_out + out) * kernel;
    for (size_t k = 0; k < job.group_in; ++k)
        for (size_t tap = 0; tap < job.taps; ++tap)
            for (size_t o = 0; o < outs; ++o)
                panel[(tap * job.group_in + k) * job.padded + o] =
                    widen_one(from[o * kernel + k * job.taps + tap]);
}

// panel[tap][out][in]: kernels of `ins` input channels from `in` on.
template <class S, class T = Arithmetic<S>>
void lay_transposed_panel(const GatheredJob<S>& job, size_t group, size_t in, size_t ins, T* panel) {
    for (size_t o = 0; o < job.group_out; ++o) {
        const S* const from = job.second + ((group * job.group_out + o) * job.group_in + in) * job.taps;
        for (size_t k = 0; k < ins; ++k)
            for (size_t tap = 0; tap < job.taps; ++tap)
                panel[(tap * job.group_out + o) * job.padded + k] = widen_one(from[k * job.taps + tap]);
    }
}

// Items first .. last - 1 of the output, counted over (image, group, block of output channels).
// memory: the places, the panel, the results of a tile.
template <class S, class T = Arithmetic<S>>
void gathered_products_output(const GatheredJob<S>& job, size_t first, size_t last, T* memory, size_t* rows) {
    const size_t pitch = job.source_padded, panel_scalars = job.taps * job.group_in * job.padded;
    T* const panel = memory + (job.places + 1) * pitch;
    T* const tile = panel + panel_scalars;
    __builtin_memset(memory, 0, (job.places + 1) * pitch * sizeof(T));
    for (size_t item = first; item < last; ++item) {
        const ChannelBlock block = block_of(job, item, job.group_out);
        __builtin_memset(panel, 0, panel_scalars * sizeof(T));
        lay_panel(job, block.image_group % job.groups, block.first, block.count, panel);
        if (item == first || item % job.blocks == 0)
            to_pixels(job.first + block.image_group * job.group_in * job.places, job.places, job.group_in,
                      job.places, memory + pitch, pitch);
        const size_t channel = block.image_group * job.group_out + block.first;
        for (size_t at = 0; at < job.outputs; at += kGathered) {
            const Neighbours near = look_up(job, at, pitch, rows);
            __builtin_memset(tile, 0, kGathered * job.padded * sizeof(T));
            for (size_t tap = 0; tap < job.taps; ++tap) {
                const size_t* const place = rows + tap * kGathered;
                multiply_tile<T>(
                    near.count, job.group_in, panel + tap * job.group_in * job.padded, job.padded,
                    [&](size_t i) { return memory + place[i]; },
                    [&](size_t i) { return tile + i * job.padded; });
            }
            to_planes(tile, job.padded, block.count, near.count, job.result + channel * job.outputs + at,
                      job.outputs);
        }
    }
}

// Items of the input's gradient, counted over (image, group, block of input channels).
// memory: the places, the panel, the output's gradient of a tile.
template <class S, class T = Arithmetic<S>>
void gathered_products_input_gradient(const GatheredJob<S>& job, size_t first, size_t last, T* memory,
                                      size_t* rows) {
    const size_t panel_scalars = job.taps * job.group_out * job.padded, pitch = job.source_padded;
    T* const panel = memory + (job.places + 1) * job.padded;
    T* const tile = panel + panel_scalars;
    __builtin_memset(tile, 0, kGathered * pitch * sizeof(T));
    for (size_t item = first; item < last; ++item) {
        const ChannelBlock block = block_of(job, item, job.group_in);
        __builtin_memset(memory, 0, (job.places + 1) * job.padded * sizeof(T));
        __builtin_memset(panel, 0, panel_scalars * sizeof(T));
        lay_transposed_panel(job, block.image_group % job.groups, block.first, block.count, panel);
        for (size_t at = 0; at < job.outputs; at += kGathered) {
            const Neighbours near = look_up(job, at, job.padded, rows);
            to_pixels(job.first + block.image_group * job.group_out * job.outputs + at, job.outputs,
                      job.group_out, near.count, tile, pitch);
            for (size_t tap = 0; tap < job.taps; ++tap) {
                const size_t* const place = rows + tap * kGathered;
                multiply_tile<T>(
                    near.count, job.group_out, panel + tap * job.group_out * job.padded, job.padded,
                    [&](size_t i) { return tile + i * pitch; }, [&](size_t i) { return memory + place[i]; });
            }
        }
        const size_t channel = block.image_group * job.group_in + block.first;
        to_planes(memory + job.padded, job.padded, block.count, job.places, job.result + channel * job.places,
                  job.places);
    }
}

// total[o][vector] += sum over results of g[result][o] place[result][vector], for `outs` channels o.
template <size_t outs, size_t vectors, class T>
CIRCULANT_INLINE void add_outer(const Neighbours& near, const size_t* place, const T* places, const T* g,
                                size_t g_step, T* total, size_t total_step) {
    Vector<T> sum[outs][vectors];
    CIRCULANT_UNROLL
    for (size_t o = 0; o < outs; ++o)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) sum[o][v] = load(total + o * total_step + v * kLanes<T>);
    for (size_t i = 0; i < near.count; ++i) {
        const T* const from = places + place[i];
        Vector<T> factor[vectors];
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) factor[v] = load(from + v * kLanes<T>);
        CIRCULANT_UNROLL
        for (size_t o = 0; o < outs; ++o)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v) sum[o][v] += factor[v] * g[i * g_step + o];
    }
    CIRCULANT_UNROLL
    for (size_t o = 0; o < outs; ++o)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) store(total + o * total_step + v * kLanes<T>, sum[o][v]);
}

template <size_t outs, class T>
CIRCULANT_INLINE void add_outers(const Neighbours& near, const size_t* place, const T* places, const T* g,
                                 size_t g_step, T* total, size_t width) {
    size_t channel = 0;
    for (; channel + kProductVectors * kLanes<T> <= width; channel += kProductVectors * kLanes<T>)
        add_outer<outs, kProductVectors>(near, place, places + channel, g, g_step, total + channel, width);
    for (; channel < width; channel += kLanes<T>)
        add_outer<outs, 1>(near, place, places + channel, g, g_step, total + channel, width);
}

template <class S, class T = Arithmetic<S>>
void correlate_tile_of(const GatheredJob<S>& job, const Neighbours& near, size_t outs, const T* places,
                       const T* g, T* totals) {
    const size_t width = job.source_padded;
    for (size_t tap = 0; tap < job.taps; ++tap) {
        const size_t* const place = near.rows + tap * kGathered;
        T* const total = totals + tap * outs * width;
        size_t o = 0;
        for (; o + kProductRows <= outs; o += kProductRows)
            add_outers<kProductRows>(near, place, places, g + o, job.padded, total + o * width, width);
        for (; o < outs; ++o) add_outers<1>(near, place, places, g + o, job.padded, total + o * width, width);
    }
}

// totals[tap][out][in] into the kernel's gradient (out, in, tap).
template <class S, class T = Arithmetic<S>>
void take_totals(const GatheredJob<S>& job, const ChannelBlock& block, const T* totals) {
    S* to = job.result + (block.image_group * job.group_out + block.first) * job.group_in * job.taps;
    for (size_t o = 0; o < block.count; ++o)
        for (size_t k = 0; k < job.group_in; ++k)
            for (size_t tap = 0; tap < job.taps; ++tap)
                *to++ = narrow_one<S>(totals[(tap * block.count + o) * job.source_padded + k]);
}

// Items of the kernel's gradient, counted over (group, block of output channels); the batch is summed in
// the same order whatever the threads. memory: the places, the output's gradient of a tile, the totals.
template <class S, class T = Arithmetic<S>>
void gathered_products_kernel_gradient(const GatheredJob<S>& job, size_t first, size_t last, T* memory,
                                       size_t* rows) {
    const size_t width = job.source_padded;
    T* const tile = memory + (job.places + 1) * width;
    T* const totals = tile + kGathered * job.padded;  // [tap][out][in]
    __builtin_memset(memory, 0, ((job.places + 1) * width + kGathered * job.padded) * sizeof(T));
    for (size_t item = first; item < last; ++item) {
        const ChannelBlock block = block_of(job, item, job.group_out);
        __builtin_memset(totals, 0, job.taps * block.count * width * sizeof(T));
        for (size_t image = 0; image < job.batch; ++image) {
            const size_t group = image * job.groups + block.image_group;
            to_pixels(job.first + group * job.group_in * job.places, job.places, job.group_in, job.places,
                      memory + width, width);
            for (size_t at = 0; at < job.outputs; at += kGathered) {
                const Neighbours near = look_up(job, at, width, rows);
                to_pixels(job.second + (group * job.group_out + block.first) * job.outputs + at, job.outputs,
                          block.count, near.count, tile, job.padded);
                correlate_tile_of(job, near, block.count, memory, tile, totals);
            }
        }
        take_totals(job, block, totals);
    }
}

}  // namespace circulant::CIRCULANT_ISA
