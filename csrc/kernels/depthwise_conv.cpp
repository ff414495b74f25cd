#include "kernels/depthwise_conv.hpp"

#include <algorithm>

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/depthwise_layout.hpp"
#include "kernels/depthwise_table.hpp"

namespace circulant {

namespace {

// Channels of the kernel's gradient that are worked on at a time: their sums stay in a level-1 cache.
constexpr std::size_t kMostTogether = 16;
constexpr std::size_t kSumBytes = 32 << 10;

void check(const DepthwiseSizes& s) {
    bool holds = s.batch > 0 && s.channels > 0 && s.multiplier > 0;
    for (const DepthwiseAxis& axis : {s.depth, s.rows, s.columns})
        for (const std::size_t size : {axis.size, axis.out_size, axis.taps, axis.stride, axis.dilation})
            holds = holds && size > 0;
    require(holds, "expected sizes, strides and dilations of at least 1, got 0; "
                   "return an empty result without this call");
}

// Arithmetic of one channel's output.
double volume_work(const DepthwiseSizes& s) {
    double work = 2.0;
    for (const DepthwiseAxis& axis : {s.depth, s.rows, s.columns})
        work *= static_cast<double>(axis.out_size) * static_cast<double>(axis.taps);
    return work;
}

template <class S>
UnitTraits traits(Isa isa) {
    const DepthwiseTable<S>& set = depthwise_unit(isa).of<S>();
    return {.lanes = set.lanes,
            .scalar_bytes = sizeof(Arithmetic<S>),
            .stores_what_it_computes = sizeof(S) == sizeof(Arithmetic<S>),
            .has_masked_loads = set.has_masked_loads};
}

template <class S>
GatherJob<S> output_job(const DepthwiseSizes& sizes, const DepthwiseLayout& layout) {
    return {.layout = layout,
            .channels = sizes.channels,
            .sources = 1,
            .results = sizes.multiplier,
            .source = nullptr,
            .weight = nullptr,
            .result = nullptr};
}

template <class S>
GatherJob<S> input_job(const DepthwiseSizes& sizes, const DepthwiseLayout& layout) {
    GatherJob<S> job = output_job<S>(sizes, layout);
    job.sources = sizes.multiplier;
    job.results = 1;
    return job;
}

template <class S>
CorrelationJob<S> kernel_job(const DepthwiseSizes& sizes, const DepthwiseLayout& layout, Isa isa) {
    const std::size_t sums = sizes.multiplier * layout.kernel_size * depthwise_unit(isa).of<S>().lanes;
    const std::size_t fitting = kSumBytes / (sums * sizeof(Arithmetic<S>));
    return {.layout = layout,
            .batch = sizes.batch,
            .channels = sizes.channels,
            .results = sizes.multiplier,
            .together = std::clamp<std::size_t>(fitting, 1, std::min(sizes.channels, kMostTogether)),
            .x = nullptr,
            .g = nullptr,
            .result = nullptr};
}

// Numbers that a thread keeps.
template <class S>
std::size_t scalars(const GatherJob<S>& job) {
    const DepthwiseLayout& layout = job.layout;
    const std::size_t weights = sizeof(S) == sizeof(Arithmetic<S>) ? 0 : layout.kernel_size;
    return job.sources * layout.ring * layout.window_scalars + layout.block_scalars +
           job.sources * job.results * weights;
}

template <class S>
std::size_t scalars(const CorrelationJob<S>& job, Isa isa) {
    const DepthwiseLayout& layout = job.layout;
    const std::size_t widened = sizeof(S) == sizeof(Arithmetic<S>) ? 0 : layout.block_scalars;
    const std::size_t sums = job.together * job.results * layout.kernel_size;
    return layout.ring * layout.window_scalars + widened + sums * depthwise_unit(isa).of<S>().lanes;
}

template <class S>
void run_gather(const GatherJob<S>& job, const DepthwiseSizes& sizes, Execution execution) {
    const DepthwiseTable<S>& set = depthwise_unit(execution.isa).of<S>();
    const std::size_t items = sizes.batch * sizes.channels * job.layout.block_count;
    const double work = volume_work(sizes) * static_cast<double>(sizes.multiplier);
    const double item_work = work / static_cast<double>(job.layout.block_count);
    parallel_ranges(useful_threads(execution.threads, items, item_work), items,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<Arithmetic<S>> memory(scalars(job));
                        set.gather_blocks(job, first, last, memory.data());
                    });
}

}  // namespace

template <class S>
std::size_t depthwise_workspace(const DepthwiseSizes& sizes, DepthwiseSlot slot, Isa isa) {
    check(sizes);
    if (slot == DepthwiseSlot::input) {
        const LayoutPlan plan(gradient_axes(sizes), sizes.multiplier, traits<S>(isa));
        return scalars(input_job<S>(sizes, plan.layout())) * sizeof(Arithmetic<S>);
    }
    const LayoutPlan plan(output_axes(sizes), 1, traits<S>(isa));
    const std::size_t count = slot == DepthwiseSlot::output
                                  ? scalars(output_job<S>(sizes, plan.layout()))
                                  : scalars(kernel_job<S>(sizes, plan.layout(), isa), isa);
    return count * sizeof(Arithmetic<S>);
}

template <class S>
void depthwise_output(const DepthwiseSizes& sizes, const S* x, const S* weight, S* y, Execution execution) {
    check(sizes);
    const LayoutPlan plan(output_axes(sizes), 1, traits<S>(execution.isa));
    GatherJob<S> job = output_job<S>(sizes, plan.layout());
    job.source = x;
    job.weight = weight;
    job.result = y;
    run_gather(job, sizes, execution);
}

template <class S>
void depthwise_input_gradient(const DepthwiseSizes& sizes, const S* g, const S* weight, S* gx,
                              Execution execution) {
    check(sizes);
    const LayoutPlan plan(gradient_axes(sizes), sizes.multiplier, traits<S>(execution.isa));
    GatherJob<S> job = input_job<S>(sizes, plan.layout());
    job.source = g;
    job.weight = weight;
    job.result = gx;
    run_gather(job, sizes, execution);
}

template <class S>
void depthwise_kernel_gradient(const DepthwiseSizes& sizes, const S* x, const S* g, S* gw,
                               Execution execution) {
    check(sizes);
    const LayoutPlan plan(output_axes(sizes), 1, traits<S>(execution.isa));
    CorrelationJob<S> job = kernel_job<S>(sizes, plan.layout(), execution.isa);
    job.x = x;
    job.g = g;
    job.result = gw;
    const DepthwiseTable<S>& set = depthwise_unit(execution.isa).of<S>();
    const double work = volume_work(sizes) * static_cast<double>(sizes.batch * sizes.multiplier);
    parallel_ranges(useful_threads(execution.threads, sizes.channels, work), sizes.channels,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<Arithmetic<S>> memory(scalars(job, execution.isa));
                        set.correlate_channels(job, first, last, memory.data());
                    });
}

#define CIRCULANT_INSTANTIATE(S)                                                                         \
    template std::size_t depthwise_workspace<S>(const DepthwiseSizes&, DepthwiseSlot, Isa);              \
    template void depthwise_output(const DepthwiseSizes&, const S*, const S*, S*, Execution);            \
    template void depthwise_input_gradient(const DepthwiseSizes&, const S*, const S*, S*, Execution);    \
    template void depthwise_kernel_gradient(const DepthwiseSizes&, const S*, const S*, S*, Execution)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
