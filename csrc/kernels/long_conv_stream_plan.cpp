#include "kernels/long_conv_stream_plan.hpp"

#include <algorithm>
#include <string>

#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/long_conv_stream_table.hpp"

namespace circulant {

namespace {

// Vector instructions, counted in the sources: of a call as such, of a group of rows at each token and
// beside it for each direct tap, of its turn between tokens and rows.
constexpr std::uint64_t kCallWork = 256, kGroupWork = 16, kTapWork = 2, kTurnWork = 400;

void check(const LongConvStreamSizes& s) {
    require(s.batch > 0 && s.channels > 0 && s.taps > 0,
            "expected sizes of at least 1, got batch " + std::to_string(s.batch) + ", channels " +
                std::to_string(s.channels) + ", taps " + std::to_string(s.taps) +
                "; return an empty result without a stream");
}

}  // namespace

template <class T>
LongConvStreamPlan<T>::LongConvStreamPlan(const LongConvStreamSizes& sizes, Isa isa, std::size_t threads)
    : sizes_(sizes), isa_(isa) {
    check(sizes);
    const auto& unit = long_conv_stream_unit(isa).template of<T>();
    lanes_ = unit.lanes;
    widest_radix_ = unit.widest_radix;
    near_tile_ = unit.near_tile;
    add_far_levels();
    add_shards(1);
    // Chunks of several tokens may follow: a shard is worth having from a quarter of a thread's work.
    const double operations = 4.0 * static_cast<double>(lanes_) * work_of_token();
    const std::size_t useful = useful_threads(threads, groups(), operations / static_cast<double>(groups()));
    if (useful > 1) add_shards(useful);
}

template <class T>
std::size_t LongConvStreamPlan<T>::past_length() const {
    return far_.empty() ? 0 : (sizes_.taps + kFarBlock - 1) / kFarBlock * kFarBlock;
}

template <class T>
void LongConvStreamPlan<T>::add_far_levels() {
    for (const FarSizes& sizes : far_levels(sizes_.taps)) {
        // Of a product, window and taps, only a block of samples must escape what wraps around.
        std::unique_ptr<FarLevel<T>> level(
            new FarLevel<T>{sizes, Tree<T>(sizes.window(), lanes_, widest_radix_), {}});
        level->program = transform_program(level->tree.view(), lanes_);
        far_.push_back(std::move(level));
    }
}

template <class T>
StreamTask LongConvStreamPlan<T>::near_task(std::size_t groups) const {
    StreamTask task{kNearBlock, groups, {}};
    for (std::size_t tile = 0; tile < kNearBlock; tile += near_tile_)
        for (std::size_t lag = 0; lag < near_taps(); lag += kNearLags) {
            const std::size_t lags = std::min(kNearLags, near_taps() - lag);
            task.step_work.push_back(static_cast<std::uint32_t>(lags * (near_tile_ + 2) + 2 * near_tile_));
        }
    return task;
}

template <class T>
void LongConvStreamPlan<T>::add_shards(std::size_t count) {
    shards_.clear();
    for (std::size_t i = 0; i < count; ++i) {
        StreamShard shard{groups() * i / count, groups() * (i + 1) / count, {}, {}, 0, 0};
        const std::size_t members = shard.last_group - shard.first_group;
        const std::size_t last_row = std::min(rows(), shard.last_group * lanes_);
        for (std::size_t row = shard.first_group * lanes_; row < last_row; ++row) shard.rows.push_back(row);
        const auto channel_of = [&](std::size_t row) { return row % sizes_.channels; };
        std::stable_sort(shard.rows.begin(), shard.rows.end(),
                         [&](std::size_t a, std::size_t b) { return channel_of(a) < channel_of(b); });
        shard.tasks.push_back(near_task(members));
        for (const auto& level : far_) {
            StreamTask task{level->sizes.block, shard.rows.size(), {}};
            for (const TransformStep& step : level->program) task.step_work.push_back(step.work);
            shard.tasks.push_back(std::move(task));
        }
        shard.token_work = kCallWork + members * (kGroupWork + kTapWork * direct_taps());
        shard.turn_work = far_.empty() ? 0 : members * kTurnWork;
        shards_.push_back(std::move(shard));
    }
}

template <class T>
double LongConvStreamPlan<T>::work_of_token() const {
    double total = 0.0;
    for (const StreamShard& shard : shards_) {
        total += static_cast<double>(shard.token_work);
        total += 2.0 * static_cast<double>(shard.turn_work) / static_cast<double>(kFarBlock);
        for (const StreamTask& task : shard.tasks)
            total += static_cast<double>(task.work()) / static_cast<double>(task.period);
    }
    return total;
}

template <class T>
std::vector<std::uint64_t> LongConvStreamPlan<T>::work_of_tokens(std::size_t count) const {
    std::vector<std::uint64_t> most(count, 0);
    constexpr auto block = static_cast<std::ptrdiff_t>(kFarBlock);
    for (const StreamShard& shard : shards_) {
        StreamPace pace(&shard.tasks);
        std::ptrdiff_t time = 0;
        for (std::uint64_t& largest : most) {
            std::uint64_t work = shard.token_work + (time % block == 0 ? shard.turn_work : 0);
            work += pace.spend(time, [](const StreamSteps&) {});
            pace.release_due(++time);
            largest = std::max(largest, work + (time % block == 0 ? shard.turn_work : 0));
        }
    }
    return most;
}

template class LongConvStreamPlan<float>;
template class LongConvStreamPlan<double>;

}  // namespace circulant
