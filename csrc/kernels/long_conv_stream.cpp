#include "kernels/long_conv_stream.hpp"

#include <algorithm>

#include "core/threads.hpp"
#include "kernels/long_conv_stream_table.hpp"

namespace circulant {

namespace {

template <class T>
const LongConvStreamTable<T>& unit_of(const LongConvStreamPlan<T>& plan) {
    return long_conv_stream_unit(plan.isa()).template of<T>();
}

template <class T>
double transform_work(const LongConvStreamPlan<T>& plan) {
    std::uint64_t total = 0;
    for (const auto& level : plan.far())
        for (const TransformStep& step : level->program) total += step.work;
    return static_cast<double>(total * plan.lanes());
}

}  // namespace

template <class T>
LongConvStreamKernel<T>::LongConvStreamKernel(const LongConvStreamSizes& sizes, const T* kernel, Isa isa,
                                              std::size_t threads)
    : plan_(sizes, isa, threads), taps_(plan_.kernel_groups() * kNearTaps * plan_.lanes()) {
    lay_out_taps(kernel);
    transform(kernel, threads);
}

template <class T>
void LongConvStreamKernel<T>::lay_out_taps(const T* kernel) {
    const std::size_t lanes = plan_.lanes(), taps = plan_.sizes().taps;
    for (std::size_t row = 0; row < std::min(plan_.rows(), plan_.kernel_groups() * lanes); ++row) {
        const T* const from = kernel + row % plan_.sizes().channels * taps;
        T* const to = taps_.data() + row / lanes * kNearTaps * lanes + row % lanes;
        for (std::size_t m = 0; m < std::min(taps, kNearTaps); ++m) to[m * lanes] = from[m];
    }
}

template <class T>
void LongConvStreamKernel<T>::transform(const T* kernel, std::size_t threads) {
    const std::size_t channels = plan_.sizes().channels;
    for (const auto& level : plan_.far())
        spectra_.push_back(std::make_unique<const AlignedBuffer<T>>(channels * level->tree.buffer_size()));
    const auto transform_taps = unit_of(plan_).transform_taps;
    const std::size_t useful = useful_threads(threads, channels, transform_work(plan_));
    parallel_ranges(useful, channels, [&](std::size_t first, std::size_t last) {
        for (std::size_t channel = first; channel < last; ++channel)
            for (std::size_t i = 0; i < spectra_.size(); ++i) {
                const FarLevel<T>& level = *plan_.far()[i];
                const T* const taps = kernel + channel * plan_.sizes().taps + level.sizes.first_tap();
                transform_taps(level.tree.view(), taps, level.sizes.taps, level.sizes.taps,
                               spectra_[i]->data() + channel * level.tree.buffer_size());
            }
    });
}

template <class T>
std::size_t LongConvStreamKernel<T>::bytes() const {
    std::size_t total = taps_.bytes();
    for (const auto& level : plan_.far()) total += plan_.sizes().channels * level->tree.buffer_size() * sizeof(T);
    return total;
}

template <class T>
LongConvStream<T>::LongConvStream(std::shared_ptr<const LongConvStreamKernel<T>> kernel)
    : kernel_(std::move(kernel)),
      state_(kernel_->plan()),
      arrays_(state_.arrays(kernel_->plan(), kernel_->taps())) {}

template <class T>
LongConvStream<T>::LongConvStream(const LongConvStream& other)
    : kernel_(other.kernel_),
      state_([&] {
          const std::lock_guard<std::mutex> lock(other.mutex_);
          return StreamState<T>(other.state_);
      }()),
      arrays_(state_.arrays(kernel_->plan(), kernel_->taps())) {}

template <class T>
void LongConvStream<T>::run(std::size_t shard, const StreamSteps& steps) const {
    if (steps.task > 0) return run_far(shard, steps);
    const auto add_near = unit_of(kernel_->plan()).add_near;
    const std::size_t group = kernel_->plan().shards()[shard].first_group + steps.round;
    const std::ptrdiff_t block = steps.released + static_cast<std::ptrdiff_t>(kNearBlock);
    for (std::size_t step = steps.first; step < steps.last; ++step) add_near(arrays_, group, block, step);
}

// A block's outputs, from a block after the release on, depend on the window before the release.
template <class T>
void LongConvStream<T>::run_far(std::size_t shard, const StreamSteps& steps) const {
    const LongConvStreamPlan<T>& plan = kernel_->plan();
    const std::size_t index = steps.task - 1, row = plan.shards()[shard].rows[steps.round];
    const FarLevel<T>& level = *plan.far()[index];
    const std::size_t window = level.sizes.window(), block = level.sizes.block;
    const std::size_t phase =
        ring_place(steps.released - static_cast<std::ptrdiff_t>(window), arrays_.past.length);
    const std::size_t to = ring_place(steps.released + static_cast<std::ptrdiff_t>(block), arrays_.ahead.length);
    const FarJob<T> job{.tree = &level.tree.view(),
                        .spectrum = kernel_->spectrum(index, row % plan.sizes().channels),
                        .past = arrays_.past.data + row * arrays_.past.stride,
                        .window = {arrays_.past.length, phase, 0, window},
                        .ahead = arrays_.ahead.data + row * arrays_.ahead.stride + to,
                        .block = block,
                        .data = state_.shards[shard].transforms[index].data()};
    unit_of(plan).run_steps(job, level.program.data() + steps.first, steps.last - steps.first);
}

template <class T>
template <class S>
void LongConvStream<T>::advance_shard(std::size_t index, const TokenOperands<S>& operands, S* y,
                                      std::size_t tokens) {
    const LongConvStreamPlan<T>& plan = kernel_->plan();
    const StreamShard& shard = plan.shards()[index];
    const auto& unit = long_conv_stream_unit(plan.isa()).template of<S>();
    const bool is_far = !plan.far().empty();
    constexpr auto block = static_cast<std::ptrdiff_t>(kFarBlock);
    std::ptrdiff_t time = state_.time;
    for (std::size_t token = 0; token < tokens; ++token) {
        if (is_far && time % block == 0) unit.turn_out(arrays_, time, shard.first_group, shard.last_group);
        const std::size_t start = token * plan.rows();
        const auto at = [&](const S* gate) { return gate == nullptr ? nullptr : gate + start; };
        const TokenJob<S> job{time, operands.x + start, at(operands.gate_in), at(operands.gate_out), y + start};
        unit.take_token(arrays_, job, shard.first_group, shard.last_group);
        StreamPace& pace = state_.shards[index].pace;
        pace.spend(time, [&](const StreamSteps& steps) { run(index, steps); });
        ++time;
        if (is_far && time % block == 0) unit.turn_in(arrays_, time, shard.first_group, shard.last_group);
        pace.release_due(time);
    }
}

template <class T>
double LongConvStream<T>::shard_work() const {
    const LongConvStreamPlan<T>& plan = kernel_->plan();
    const auto shards = static_cast<double>(plan.shards().size());
    return plan.work_of_token() * static_cast<double>(plan.lanes()) / shards;
}

template <class T>
template <class S>
void LongConvStream<T>::advance(const TokenOperands<S>& operands, S* y, std::size_t tokens,
                                std::size_t threads) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::size_t shards = kernel_->plan().shards().size();
    const double work = shards == 1 ? 0.0 : static_cast<double>(tokens) * shard_work();
    parallel_ranges(useful_threads(threads, shards, work), shards, [&](std::size_t first, std::size_t last) {
        for (std::size_t shard = first; shard < last; ++shard) advance_shard(shard, operands, y, tokens);
    });
    state_.time += static_cast<std::ptrdiff_t>(tokens);
}

template <class T>
std::size_t LongConvStream<T>::seen() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::min(static_cast<std::size_t>(state_.time + state_.seen), kernel_->plan().sizes().taps - 1);
}

// The last tokens lie as they came, those before in the rows' rings.
template <class T>
void LongConvStream<T>::past(T* z) const {
    const std::size_t count = seen();
    const std::lock_guard<std::mutex> lock(mutex_);
    const LongConvStreamPlan<T>& plan = kernel_->plan();
    const std::size_t lanes = plan.lanes();
    const std::ptrdiff_t turned = plan.far().empty() ? state_.time - static_cast<std::ptrdiff_t>(count)
                                                     : state_.time / static_cast<std::ptrdiff_t>(kFarBlock) *
                                                           static_cast<std::ptrdiff_t>(kFarBlock);
    for (std::size_t row = 0; row < plan.rows(); ++row) {
        const T* const recent = arrays_.recent + row / lanes * 2 * kRecent * lanes + row % lanes;
        const T* const ring = arrays_.past.data + row * arrays_.past.stride;
        std::ptrdiff_t time = state_.time - static_cast<std::ptrdiff_t>(count);
        for (std::size_t i = 0; i < count; ++i, ++time)
            z[row * count + i] = time < turned ? ring[ring_place(time, arrays_.past.length)]
                                               : recent[ring_place(time, kRecent) * lanes];
    }
}

// A row's tokens before time 0, as turns in and single tokens would have left them.
template <class T>
void LongConvStream<T>::remember(std::size_t row, const T* z, std::size_t count) const {
    const std::size_t lanes = kernel_->plan().lanes();
    T* const recent = arrays_.recent + row / lanes * 2 * kRecent * lanes + row % lanes;
    for (std::size_t ago = 1; ago <= std::min(count, kRecent); ++ago) {
        recent[(kRecent - ago) * lanes] = z[count - ago];
        recent[(2 * kRecent - ago) * lanes] = z[count - ago];
    }
    const std::size_t kept = std::min(count, arrays_.past.length);
    std::copy(z + count - kept, z + count,
              arrays_.past.data + row * arrays_.past.stride + arrays_.past.length - kept);
}

// The blocks that begin at time 0 are done at once, those after them are released.
template <class T>
void LongConvStream<T>::catch_up(std::size_t shard, std::size_t count) {
    StreamPace& pace = state_.shards[shard].pace;
    const std::vector<StreamTask>& tasks = kernel_->plan().shards()[shard].tasks;
    for (std::size_t task = 0; task < tasks.size(); ++task) {
        if (count <= tasks[task].period) continue;  // nothing came as long ago as the level looks
        pace.release(task, -static_cast<std::ptrdiff_t>(tasks[task].period));
        pace.finish(task, [&](const StreamSteps& steps) { run(shard, steps); });
    }
    pace.release_due(0);
}

template <class T>
void LongConvStream<T>::resume(const T* z, std::size_t count, std::size_t threads) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const LongConvStreamPlan<T>& plan = kernel_->plan();
    state_.clear();
    if (count == 0) return;
    for (std::size_t row = 0; row < plan.rows(); ++row) remember(row, z + row * count, count);
    const std::size_t shards = plan.shards().size();
    const double work = transform_work(plan) * static_cast<double>(plan.rows() / shards);
    parallel_ranges(useful_threads(threads, shards, work), shards, [&](std::size_t first, std::size_t last) {
        for (std::size_t shard = first; shard < last; ++shard) catch_up(shard, count);
    });
    state_.seen = static_cast<std::ptrdiff_t>(count);
}

#define CIRCULANT_INSTANTIATE(S) \
    template void LongConvStream<Arithmetic<S>>::advance(const TokenOperands<S>&, S*, std::size_t, std::size_t)

template class LongConvStreamKernel<float>;
template class LongConvStreamKernel<double>;
template class LongConvStream<float>;
template class LongConvStream<double>;
CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
