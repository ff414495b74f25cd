// Long causal convolution of a sequence that arrives token by token.
//
//     y[b, c, t] = gate_out (sum_m k[c, m] z[b, c, t - m]),  z = gate_in x
//
// A token costs O(log^2 taps) for each row, spread so that none costs many times the others. x, y and
// gates of a call are (tokens, batch, channels), k is (channels, taps); all contiguous.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

#include "core/storage.hpp"
#include "kernels/long_conv_stream_plan.hpp"
#include "kernels/long_conv_stream_state.hpp"

namespace circulant {

// A plan and a kernel, whose spectra are found once, here. Immutable, so that streams may share it.
template <class T>
class LongConvStreamKernel final {
public:
    LongConvStreamKernel(const LongConvStreamSizes& sizes, const T* kernel, Isa isa, std::size_t threads);

    const LongConvStreamPlan<T>& plan() const { return plan_; }
    const T* taps() const { return taps_.data(); }  // [kernel group][kNearTaps][lane]
    const T* spectrum(std::size_t level, std::size_t channel) const {
        return spectra_[level]->data() + channel * plan_.far()[level]->tree.buffer_size();
    }
    std::size_t bytes() const;

private:
    void lay_out_taps(const T* kernel);
    void transform(const T* kernel, std::size_t threads);

    LongConvStreamPlan<T> plan_;
    StreamBuffer<T> taps_;
    std::vector<std::unique_ptr<const AlignedBuffer<T>>> spectra_;
};

template <class S>
struct TokenOperands {
    const S* x;
    const S* gate_in;   // or null
    const S* gate_out;  // or null
};

// Calls may come from several threads, one after the other; each is done whole.
template <class T>
class LongConvStream final {
public:
    explicit LongConvStream(std::shared_ptr<const LongConvStreamKernel<T>> kernel);
    LongConvStream(const LongConvStream& other);
    LongConvStream& operator=(const LongConvStream&) = delete;

    const LongConvStreamKernel<T>& kernel() const { return *kernel_; }
    std::size_t bytes() const { return state_.bytes(); }

    template <class S>
    void advance(const TokenOperands<S>& operands, S* y, std::size_t tokens, std::size_t threads);

    // Tokens of z that can still matter: at most taps - 1.
    std::size_t seen() const;
    // The last seen() tokens of z, (batch, channels, seen).
    void past(T* z) const;
    // Starts after these tokens, (batch, channels, count); the last taps - 1 are enough.
    void resume(const T* z, std::size_t count, std::size_t threads);

private:
    void run(std::size_t shard, const StreamSteps& steps) const;
    void run_far(std::size_t shard, const StreamSteps& steps) const;
    template <class S>
    void advance_shard(std::size_t shard, const TokenOperands<S>& operands, S* y, std::size_t tokens);
    void remember(std::size_t row, const T* z, std::size_t count) const;
    void catch_up(std::size_t shard, std::size_t count);
    double shard_work() const;

    std::shared_ptr<const LongConvStreamKernel<T>> kernel_;
    StreamState<T> state_;
    StreamArrays<T> arrays_;
    mutable std::mutex mutex_;
};

}  // namespace circulant
