#include "kernels/gathered_conv.hpp"

#include <algorithm>
#include <string>

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/gathered_table.hpp"

namespace circulant {

namespace {

constexpr std::size_t kMultiple = 16;  // channels of the widest vector

std::size_t parts(std::size_t count, std::size_t size) { return (count + size - 1) / size; }

std::size_t whole_vectors(std::size_t channels) { return parts(channels, kMultiple) * kMultiple; }

// A multiple of the widest vector, or a power of two below it.
std::size_t padded(std::size_t channels) {
    if (channels >= kMultiple) return whole_vectors(channels);
    std::size_t power = 1;
    while (power < channels) power *= 2;
    return power;
}

void check(const GatheredConvSizes& s, const std::int64_t* index) {
    for (const std::size_t size :
         {s.batch, s.in_channels, s.out_channels, s.groups, s.places, s.outputs, s.taps, s.block})
        require(size > 0, "expected sizes of at least 1, got 0; return an empty result without this call");
    require(s.in_channels % s.groups == 0 && s.out_channels % s.groups == 0,
            "expected groups that divide " + std::to_string(s.in_channels) + " and " +
                std::to_string(s.out_channels) + " channels, got " + std::to_string(s.groups) +
                "; change one");
    const auto [least, most] = std::minmax_element(index, index + s.outputs * s.taps);
    require(*least >= -1 && *most < static_cast<std::int64_t>(s.places),
            "expected every index from -1 to " + std::to_string(s.places - 1) + ", got " +
                std::to_string(*least) + " to " + std::to_string(*most) + "; correct the list of neighbours");
}

// What the passes lay out: places and block, the channels a dense product sums over, and all numbers.
struct Layout {
    std::size_t block, channels, padded, source_padded, scalars;
};

Layout rows_layout(const GatheredConvSizes& s) {
    const std::size_t block = std::min(s.block, s.groups), pitch = padded(block);
    return {block, s.groups, pitch, 0, (s.places + 1 + s.taps + kGathered) * pitch};
}

Layout output_layout(const GatheredConvSizes& s) {
    if (s.is_depthwise()) return rows_layout(s);
    const std::size_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
    const std::size_t block = std::min(s.block, out), width = whole_vectors(block), pitch = padded(in);
    return {block, out, width, pitch, (s.places + 1) * pitch + (s.taps * in + kGathered) * width};
}

Layout input_gradient_layout(const GatheredConvSizes& s) {
    if (s.is_depthwise()) return rows_layout(s);
    const std::size_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
    const std::size_t block = std::min(s.block, in), width = whole_vectors(block), pitch = padded(out);
    return {block, in, width, pitch, (s.places + 1 + s.taps * out) * width + kGathered * pitch};
}

Layout kernel_gradient_layout(const GatheredConvSizes& s) {
    if (s.is_depthwise()) return rows_layout(s);
    const std::size_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
    const std::size_t block = std::min(s.block, out), width = whole_vectors(in), pitch = padded(block);
    return {block, out, pitch, width, (s.places + 1 + s.taps * block) * width + kGathered * pitch};
}

std::size_t byte(const GatheredConvSizes& s, const Layout& layout, std::size_t itemsize) {
    return layout.scalars * itemsize + s.taps * kGathered * sizeof(std::size_t);
}

template <class S>
struct Call {
    const S* first;
    const S* second;
    const std::int64_t* index;
    S* result;
};

// `outer` items for each block of channels: images, groups or both.
template <class S>
void run(const GatheredConvSizes& s, const Layout& layout, std::size_t outer, GatheredPass<S> pass,
         const Call<S>& call, Execution execution) {
    const GatheredJob<S> job = {.batch = s.batch,
                                .groups = s.groups,
                                .group_in = s.in_channels / s.groups,
                                .group_out = s.out_channels / s.groups,
                                .places = s.places,
                                .outputs = s.outputs,
                                .taps = s.taps,
                                .block = layout.block,
                                .blocks = parts(layout.channels, layout.block),
                                .padded = layout.padded,
                                .source_padded = layout.source_padded,
                                .index = call.index,
                                .first = call.first,
                                .second = call.second,
                                .result = call.result};
    const std::size_t items = outer * job.blocks;
    const double total = 2.0 * static_cast<double>(s.batch * s.out_channels * s.outputs) *
                         static_cast<double>(s.taps * job.group_in);
    const std::size_t threads = useful_threads(execution.threads, items, total / static_cast<double>(items));
    parallel_ranges(threads, items, [&](std::size_t first, std::size_t last) {
        const AlignedBuffer<Arithmetic<S>> memory(layout.scalars);
        const AlignedBuffer<std::size_t> rows(s.taps * kGathered);
        pass(job, first, last, memory.data(), rows.data());
    });
}

template <class S>
const GatheredPasses<S>& passes(const GatheredConvSizes& s, Isa isa) {
    const GatheredTable<S>& table = gathered_unit(isa).of<S>();
    return s.is_depthwise() ? table.rows : table.products;
}

}  // namespace

std::size_t gathered_output_scratch(const GatheredConvSizes& sizes, std::size_t itemsize) {
    return byte(sizes, output_layout(sizes), itemsize);
}

std::size_t gathered_input_gradient_scratch(const GatheredConvSizes& sizes, std::size_t itemsize) {
    return byte(sizes, input_gradient_layout(sizes), itemsize);
}

std::size_t gathered_kernel_gradient_scratch(const GatheredConvSizes& sizes, std::size_t itemsize) {
    return byte(sizes, kernel_gradient_layout(sizes), itemsize);
}

template <class S>
void gathered_output(const GatheredConvSizes& sizes, const S* x, const S* weight, const std::int64_t* index,
                     S* y, Execution execution) {
    check(sizes, index);
    const std::size_t outer = sizes.batch * (sizes.is_depthwise() ? 1 : sizes.groups);
    run(sizes, output_layout(sizes), outer, passes<S>(sizes, execution.isa).output, {x, weight, index, y},
        execution);
}

template <class S>
void gathered_input_gradient(const GatheredConvSizes& sizes, const S* g, const S* weight,
                             const std::int64_t* index, S* gx, Execution execution) {
    check(sizes, index);
    const std::size_t outer = sizes.batch * (sizes.is_depthwise() ? 1 : sizes.groups);
    run(sizes, input_gradient_layout(sizes), outer, passes<S>(sizes, execution.isa).input_gradient,
        {g, weight, index, gx}, execution);
}

template <class S>
void gathered_kernel_gradient(const GatheredConvSizes& sizes, const S* x, const S* g,
                              const std::int64_t* index, S* gw, Execution execution) {
    check(sizes, index);
    const std::size_t outer = sizes.is_depthwise() ? 1 : sizes.groups;
    run(sizes, kernel_gradient_layout(sizes), outer, passes<S>(sizes, execution.isa).kernel_gradient,
        {x, g, index, gw}, execution);
}

#define CIRCULANT_INSTANTIATE(S)                                                                             \
    template void gathered_output(const GatheredConvSizes&, const S*, const S*, const std::int64_t*, S*,     \
                                  Execution);                                                                \
    template void gathered_input_gradient(const GatheredConvSizes&, const S*, const S*, const std::int64_t*, \
                                          S*, Execution);                                                    \
    template void gathered_kernel_gradient(const GatheredConvSizes&, const S*, const S*,                     \
                                           const std::int64_t*, S*, Execution)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
