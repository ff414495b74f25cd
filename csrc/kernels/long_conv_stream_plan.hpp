// What all streams of the same sizes share: levels, their transforms, and who does what when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/isa.hpp"
#include "fft/tree.hpp"
#include "kernels/long_conv_stream_levels.hpp"
#include "kernels/long_conv_stream_pace.hpp"
#include "kernels/long_conv_stream_program.hpp"

namespace circulant {

struct LongConvStreamSizes {
    std::size_t batch, channels, taps;
};

template <class T>
struct FarLevel {
    FarSizes sizes;
    Tree<T> tree;
    std::vector<TransformStep> program;  // for one row
};

// Groups of rows that one thread serves; its first task is the near level, the others the far ones.
struct StreamShard {
    std::size_t first_group, last_group;
    std::vector<std::size_t> rows;  // channel by channel, so that a spectrum serves its batch
    std::vector<StreamTask> tasks;
    std::uint64_t token_work;  // of every token
    std::uint64_t turn_work;   // of a turn in, or out
};

template <class T>
class LongConvStreamPlan final {
public:
    // At most so many shards; fewer where that would be too little work for a thread.
    LongConvStreamPlan(const LongConvStreamSizes& sizes, Isa isa, std::size_t threads);

    const LongConvStreamSizes& sizes() const { return sizes_; }
    Isa isa() const { return isa_; }
    std::size_t lanes() const { return lanes_; }
    std::size_t rows() const { return sizes_.batch * sizes_.channels; }
    std::size_t groups() const { return (rows() + lanes_ - 1) / lanes_; }
    // Groups until the channels repeat in the same lanes.
    std::size_t kernel_groups() const {
        return sizes_.channels % lanes_ == 0 ? sizes_.channels / lanes_ : groups();
    }
    std::size_t direct_taps() const { return sizes_.taps < kDirectTaps ? sizes_.taps : kDirectTaps; }
    std::size_t near_taps() const {
        return (sizes_.taps < kNearTaps ? sizes_.taps : kNearTaps) - direct_taps();
    }
    // Of the rings of each row; nothing where no level is far.
    std::size_t past_length() const;
    std::size_t ahead_length() const { return far_.empty() ? 0 : 2 * far_.back()->sizes.block; }

    const std::vector<std::unique_ptr<const FarLevel<T>>>& far() const { return far_; }
    const std::vector<StreamShard>& shards() const { return shards_; }

    // Vector instructions, on average.
    double work_of_token() const;
    // The largest of any shard, for each of the first tokens, as a stream will spend it.
    std::vector<std::uint64_t> work_of_tokens(std::size_t count) const;

private:
    void add_far_levels();
    void add_shards(std::size_t count);
    StreamTask near_task(std::size_t groups) const;

    LongConvStreamSizes sizes_;
    Isa isa_;
    std::size_t lanes_, widest_radix_, near_tile_;
    std::vector<std::unique_ptr<const FarLevel<T>>> far_;
    std::vector<StreamShard> shards_;
};

extern template class LongConvStreamPlan<float>;
extern template class LongConvStreamPlan<double>;

}  // namespace circulant
