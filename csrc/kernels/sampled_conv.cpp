#include "kernels/sampled_conv.hpp"

#include <algorithm>
#include <climits>
#include <string>

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/sampled_table.hpp"

namespace circulant {

namespace {

std::size_t parts(std::size_t count, std::size_t size) { return (count + size - 1) / size; }

std::size_t taps(const SampledConvSizes& s) { return s.depth.taps * s.rows.taps * s.columns.taps; }

std::size_t bordered(const SampledConvSizes& s) {
    std::size_t pixels = s.columns.size + kBorder;
    if (s.ndim > 1) pixels *= s.rows.size + kBorder;
    if (s.ndim > 2) pixels *= s.depth.size + kBorder;
    return pixels;
}

void check(const SampledConvSizes& s) {
    for (const SampledAxis& axis : {s.depth, s.rows, s.columns})
        for (const std::size_t size : {axis.size, axis.out_size, axis.taps, axis.stride, axis.dilation})
            require(size > 0, "expected sizes, strides and dilations of at least 1, got 0; "
                              "return an empty result without this call");
    for (const std::size_t size : {s.batch, s.channels, s.groups, s.block_channels})
        require(size > 0, "expected batch, channels, groups and blocks of at least 1, got 0; "
                          "return an empty result without this call");
    require(s.ndim >= 1 && s.ndim <= 3, "expected 1 to 3 axes, got " + std::to_string(s.ndim) +
                                            "; fold axes that are not sampled into the batch");
    require(s.channels % s.groups == 0, "expected groups that divide " + std::to_string(s.channels) +
                                            " channels, got " + std::to_string(s.groups) + "; change one");
    require(bordered(s) <= INT_MAX, "expected planes of at most " + std::to_string(INT_MAX) +
                                        " pixels, got " + std::to_string(bordered(s)) +
                                        "; cut the input into tiles");
}

// Channels of a pixel: a multiple of the widest vector, or a power of two below it.
std::size_t padded(std::size_t channels) {
    if (channels >= kChannelMultiple) return parts(channels, kChannelMultiple) * kChannelMultiple;
    std::size_t power = 1;
    while (power < channels) power *= 2;
    return power;
}

std::size_t group_channels(const SampledConvSizes& s) { return s.channels / s.groups; }

std::size_t corners(const SampledConvSizes& s) { return std::size_t{1} << s.ndim; }

std::size_t output_scalars(const SampledConvSizes& s) {
    const std::size_t pixel = padded(std::min(s.block_channels, group_channels(s)));
    return bordered(s) * pixel + kPositions * (taps(s) * corners(s) + pixel);
}

std::size_t gradient_scalars(const SampledConvSizes& s) {
    const std::size_t pixel = padded(group_channels(s)), lanes = std::min(pixel, kChannelMultiple);
    return 2 * bordered(s) * pixel + kPositions * (taps(s) * corners(s) + pixel + corners(s) * (lanes + 1));
}

template <class S>
SampledJob<S> job_of(const SampledConvSizes& s, std::size_t block, const S* x, const S* offset,
                     const S* modulation) {
    SampledJob<S> job{};
    job.group_channels = group_channels(s);
    job.groups = s.groups;
    job.block_channels = std::min(block, job.group_channels);
    job.blocks = parts(job.group_channels, job.block_channels);
    job.padded_channels = padded(job.block_channels);
    std::copy_n(&s.depth, 1, job.axes);
    std::copy_n(&s.rows, 1, job.axes + 1);
    std::copy_n(&s.columns, 1, job.axes + 2);
    job.pixels = bordered(s);
    job.x = x;
    job.offset = offset;
    job.modulation = modulation;
    return job;
}

template <class S>
void run(const SampledConvSizes& s, const SampledJob<S>& job, std::size_t items, std::size_t scalars,
         SampledPass<S> pass, Execution execution) {
    const double outputs = static_cast<double>(s.depth.out_size * s.rows.out_size * s.columns.out_size);
    const double work = 2.0 * outputs * static_cast<double>(job.block_channels * taps(s) * corners(s));
    parallel_ranges(useful_threads(execution.threads, items, work), items,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<Arithmetic<S>> memory(scalars);
                        const AlignedBuffer<int> pixels(taps(s) * kPositions);
                        pass(job, first, last, memory.data(), pixels.data());
                    });
}

}  // namespace

std::size_t sampled_output_scratch(const SampledConvSizes& sizes, std::size_t itemsize) {
    return output_scalars(sizes) * itemsize + taps(sizes) * kPositions * sizeof(int);
}

std::size_t sampled_gradients_scratch(const SampledConvSizes& sizes, std::size_t itemsize) {
    return gradient_scalars(sizes) * itemsize + taps(sizes) * kPositions * sizeof(int);
}

template <class S>
void sampled_output(const SampledConvSizes& sizes, const S* x, const S* offset, const S* modulation, S* y,
                    Execution execution) {
    check(sizes);
    SampledJob<S> job = job_of(sizes, sizes.block_channels, x, offset, modulation);
    job.result = y;
    run(sizes, job, sizes.batch * sizes.groups * job.blocks, output_scalars(sizes),
        sampled_unit(execution.isa).of<S>().sums[sizes.ndim - 1], execution);
}

template <class S>
void sampled_gradients(const SampledConvSizes& sizes, const S* x, const S* offset, const S* modulation,
                       const S* g, const SampledGradients<S>& gradients, Execution execution) {
    check(sizes);
    SampledJob<S> job = job_of(sizes, group_channels(sizes), x, offset, modulation);
    job.g = g;
    job.result = gradients.x;
    job.offset_gradient = gradients.offset;
    job.modulation_gradient = gradients.modulation;
    run(sizes, job, sizes.batch * sizes.groups, gradient_scalars(sizes),
        sampled_unit(execution.isa).of<S>().gradients[sizes.ndim - 1], execution);
}

#define CIRCULANT_INSTANTIATE(S)                                                                             \
    template void sampled_output(const SampledConvSizes&, const S*, const S*, const S*, S*, Execution);      \
    template void sampled_gradients(const SampledConvSizes&, const S*, const S*, const S*, const S*,         \
                                    const SampledGradients<S>&, Execution)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
