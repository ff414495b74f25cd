#include "kernels/depthwise_fft.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.hpp"
#include "core/scratch.hpp"
#include "core/threads.hpp"
#include "kernels/depthwise_fft_table.hpp"

namespace circulant {

namespace {

using Axes = std::array<const DepthwiseAxis*, 3>;

Axes axes_of(const DepthwiseSizes& s) { return {&s.depth, &s.rows, &s.columns}; }

std::size_t span(const DepthwiseAxis& axis) { return (axis.taps - 1) * axis.dilation + 1; }

std::size_t reach(const DepthwiseAxis& axis) { return (axis.out_size - 1) * axis.stride; }

void check(const DepthwiseSizes& s) {
    require(s.batch > 0 && s.channels > 0, "expected at least one image and channel; return an empty result");
    require(s.multiplier == 1, "expected as many channels out as in; take the direct algorithm");
    for (const DepthwiseAxis* axis : axes_of(s))
        require(std::min({axis->size, axis->out_size, axis->taps, axis->stride, axis->dilation}) > 0,
                "expected sizes, strides and dilations of at least 1; return an empty result");
}

// Positions of an axis in the long row: the samples and the larger border, room for all taps, and for a
// place of its own for each output.
std::size_t room(const DepthwiseAxis& axis) {
    const std::size_t read = reach(axis) + span(axis), held = axis.before + axis.size;
    const std::size_t after = read > held ? read - held : 0;
    return std::max({axis.size + std::max(axis.before, after), span(axis), reach(axis) + 1});
}

// Distance of neighbours along each axis; at the end the length of the row.
std::array<std::size_t, 4> pitches(const DepthwiseSizes& s) {
    const std::size_t columns = room(s.columns), rows = columns * room(s.rows);
    return {rows, columns, 1, rows * room(s.depth)};
}

Flat flat(std::size_t origin, const std::array<FlatAxis, 3>& axes) {
    std::size_t last = origin;
    for (const FlatAxis& axis : axes) last += (axis.count - 1) * axis.step;
    return {origin, {axes[0], axes[1], axes[2]}, last + 1};
}

struct Layout {
    Flat volume, weight, output;
};

Layout layout(const DepthwiseSizes& s) {
    const auto pitch = pitches(s);
    const Axes axes = axes_of(s);
    std::array<FlatAxis, 3> volume{}, weight{}, output{};
    std::size_t origin = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        const DepthwiseAxis& axis = *axes[i];
        origin += axis.before * pitch[i];
        volume[i] = {axis.size, pitch[i]};
        weight[i] = {axis.taps, axis.dilation * pitch[i]};
        output[i] = {axis.out_size, axis.stride * pitch[i]};
    }
    return {flat(origin, volume), flat(0, weight), flat(0, output)};
}

double transform_work(std::size_t size) {
    return 10.0 * static_cast<double>(size) * std::log2(static_cast<double>(size) + 1.0);
}

constexpr std::size_t kFilterBuffers = 2, kCorrelationBuffers = 3, kRows = 3;

template <class T>
std::size_t scratch(const Tree<T>& tree, std::size_t samples, std::size_t buffers) {
    return buffers * tree.buffer_size() + kRows * samples;
}

template <class S>
void filter(const DepthwiseFftPlan& plan, FlatFilterJob<S> job, std::size_t threads) {
    const auto& tree = plan.tree<Arithmetic<S>>();
    const auto& unit = depthwise_fft_unit(plan.isa()).template of<S>();
    const std::size_t volumes = job.batch * job.channels;
    const std::size_t useful = useful_threads(threads, volumes, transform_work(tree.view().size));
    parallel_ranges(useful, volumes, [&](std::size_t first, std::size_t last) {
        const Scratch<Arithmetic<S>> workspace(scratch(tree, job.samples, kFilterBuffers));
        unit.filter_volumes(job, first, last, workspace.data());
    });
}

}  // namespace

DepthwiseFftPlan::DepthwiseFftPlan(const DepthwiseSizes& sizes, bool is_double, Isa isa)
    : sizes_(sizes), isa_(isa), samples_(0) {
    check(sizes);
    samples_ = pitches(sizes).back();
    const auto make = [&]<class T>(std::optional<Tree<T>>& tree) {
        const DepthwiseFftTable<T>& unit = depthwise_fft_unit(isa).of<T>();
        tree.emplace(samples_, unit.lanes, unit.widest_radix);
    };
    if (is_double)
        make(twice_);
    else
        make(single_);
}

template <>
const Tree<float>& DepthwiseFftPlan::tree<float>() const {
    require(single_.has_value(), "expected operands of float64, as the plan was made, got another type");
    return *single_;
}

template <>
const Tree<double>& DepthwiseFftPlan::tree<double>() const {
    require(twice_.has_value(), "expected operands of float32 or half precision, got float64; plan for it");
    return *twice_;
}

std::size_t DepthwiseFftPlan::workspace_bytes(std::size_t threads, DepthwiseSlot slot) const {
    const std::size_t buffers = slot == DepthwiseSlot::kernel ? kCorrelationBuffers : kFilterBuffers;
    const std::size_t bytes = single_ ? scratch(*single_, samples_, buffers) * sizeof(float)
                                      : scratch(*twice_, samples_, buffers) * sizeof(double);
    return threads * bytes;
}

template <class S>
void depthwise_fft_output(const DepthwiseFftPlan& plan, const S* x, const S* weight, S* y,
                          std::size_t threads) {
    const DepthwiseSizes& s = plan.sizes();
    const Layout at = layout(s);
    filter<S>(plan,
              {.tree = plan.tree<Arithmetic<S>>().view(),
               .batch = s.batch,
               .channels = s.channels,
               .samples = plan.samples(),
               .source = at.volume,
               .weight = at.weight,
               .result = at.output,
               .correlates = true,
               .source_volumes = x,
               .weight_volumes = weight,
               .result_volumes = y},
              threads);
}

template <class S>
void depthwise_fft_input_gradient(const DepthwiseFftPlan& plan, const S* g, const S* weight, S* gx,
                                  std::size_t threads) {
    const DepthwiseSizes& s = plan.sizes();
    const Layout at = layout(s);
    filter<S>(plan,
              {.tree = plan.tree<Arithmetic<S>>().view(),
               .batch = s.batch,
               .channels = s.channels,
               .samples = plan.samples(),
               .source = at.output,
               .weight = at.weight,
               .result = at.volume,
               .correlates = false,
               .source_volumes = g,
               .weight_volumes = weight,
               .result_volumes = gx},
              threads);
}

template <class S>
void depthwise_fft_kernel_gradient(const DepthwiseFftPlan& plan, const S* x, const S* g, S* gw,
                                   std::size_t threads) {
    const DepthwiseSizes& s = plan.sizes();
    const Layout at = layout(s);
    const auto& tree = plan.tree<Arithmetic<S>>();
    const auto& unit = depthwise_fft_unit(plan.isa()).template of<S>();
    const FlatCorrelationJob<S> job = {.tree = tree.view(),
                                       .batch = s.batch,
                                       .channels = s.channels,
                                       .samples = plan.samples(),
                                       .x = at.volume,
                                       .g = at.output,
                                       .weight = at.weight,
                                       .x_volumes = x,
                                       .g_volumes = g,
                                       .weight_volumes = gw};
    const double work = static_cast<double>(s.batch) * transform_work(tree.view().size);
    parallel_ranges(useful_threads(threads, s.channels, work), s.channels,
                    [&](std::size_t first, std::size_t last) {
                        const Scratch<Arithmetic<S>> workspace(
                            scratch(tree, plan.samples(), kCorrelationBuffers));
                        unit.correlate_volumes(job, first, last, workspace.data());
                    });
}

#define CIRCULANT_INSTANTIATE(S)                                                                       \
    template void depthwise_fft_output(const DepthwiseFftPlan&, const S*, const S*, S*, std::size_t);  \
    template void depthwise_fft_input_gradient(const DepthwiseFftPlan&, const S*, const S*, S*,        \
                                               std::size_t);                                           \
    template void depthwise_fft_kernel_gradient(const DepthwiseFftPlan&, const S*, const S*, S*, std::size_t)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
