// The memory of a stream; a copy of it goes on by itself.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "kernels/long_conv_stream_job.hpp"
#include "kernels/long_conv_stream_plan.hpp"

namespace circulant {

// Zeros at first.
template <class T>
class StreamBuffer final {
public:
    explicit StreamBuffer(std::size_t count) : count_(count), buffer_(count) { clear(); }
    StreamBuffer(const StreamBuffer& other) : count_(other.count_), buffer_(other.count_) {
        std::memcpy(buffer_.data(), other.buffer_.data(), bytes());
    }
    StreamBuffer& operator=(const StreamBuffer&) = delete;

    T* data() const { return buffer_.data(); }
    std::size_t bytes() const { return count_ * sizeof(T); }
    void clear() { std::memset(buffer_.data(), 0, bytes()); }

private:
    std::size_t count_;
    AlignedBuffer<T> buffer_;
};

// What a shard alone writes to, beside its rows.
template <class T>
struct ShardState {
    StreamPace pace;
    std::vector<StreamBuffer<T>> transforms;  // the row that each far level is at
};

template <class T>
class StreamState final {
public:
    explicit StreamState(const LongConvStreamPlan<T>& plan)
        : past_stride_(stride(plan.past_length())),
          ahead_stride_(stride(plan.ahead_length())),
          recent_(plan.groups() * 2 * kRecent * plan.lanes()),
          near_(plan.groups() * 2 * kNearBlock * plan.lanes()),
          due_(plan.groups() * kFarBlock * plan.lanes()),
          past_(plan.rows() * past_stride_),
          ahead_(plan.rows() * ahead_stride_) {
        for (const StreamShard& shard : plan.shards()) {
            shards.push_back({StreamPace(&shard.tasks), {}});
            for (const auto& level : plan.far()) shards.back().transforms.emplace_back(level->tree.buffer_size());
        }
    }

    StreamArrays<T> arrays(const LongConvStreamPlan<T>& plan, const T* taps) const {
        return {.rows = plan.rows(),
                .direct_taps = plan.direct_taps(),
                .near_taps = plan.near_taps(),
                .kernel_groups = plan.kernel_groups(),
                .taps = taps,
                .recent = recent_.data(),
                .near = near_.data(),
                .due = due_.data(),
                .past = {past_.data(), plan.past_length(), past_stride_},
                .ahead = {ahead_.data(), plan.ahead_length(), ahead_stride_}};
    }

    void clear() {
        for (StreamBuffer<T>* buffer : {&recent_, &near_, &due_, &past_, &ahead_}) buffer->clear();
        for (ShardState<T>& shard : shards) shard.pace.stop();
        time = seen = 0;
    }

    std::size_t bytes() const {
        std::size_t total = 0;
        for (const StreamBuffer<T>* buffer : {&recent_, &near_, &due_, &past_, &ahead_}) total += buffer->bytes();
        for (const ShardState<T>& shard : shards)
            for (const StreamBuffer<T>& buffer : shard.transforms) total += buffer.bytes();
        return total;
    }

    std::vector<ShardState<T>> shards;
    std::ptrdiff_t time = 0;  // tokens since the start, or since the past was set
    std::ptrdiff_t seen = 0;  // tokens before that

private:
    // A line between rows: rings of a power of two would all begin in the same sets of the caches.
    static std::size_t stride(std::size_t length) { return length == 0 ? 0 : length + 64 / sizeof(T); }

    std::size_t past_stride_, ahead_stride_;
    StreamBuffer<T> recent_, near_, due_, past_, ahead_;
};

}  // namespace circulant
