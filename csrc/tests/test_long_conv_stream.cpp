// Streams against the sum that defines them, however the sequence is cut, and their plans.
#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "kernels/long_conv_stream.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

template <class T>
struct Case {
    LongConvStreamSizes sizes;
    std::size_t tokens;
    std::vector<T> x, kernel;  // x: (tokens, batch, channels)

    std::size_t rows() const { return sizes.batch * sizes.channels; }
};

template <class T>
Case<T> make_case(const LongConvStreamSizes& sizes, std::size_t tokens) {
    return {sizes, tokens, random_values<T>(tokens * sizes.batch * sizes.channels, 1),
            random_values<T>(sizes.channels * sizes.taps, 2)};
}

template <class T>
std::vector<long double> naive(const Case<T>& c) {
    std::vector<long double> sums(c.x.size());
    for (std::size_t t = 0; t < c.tokens; ++t)
        for (std::size_t row = 0; row < c.rows(); ++row)
            for (std::size_t m = 0; m <= std::min(t, c.sizes.taps - 1); ++m)
                sums[t * c.rows() + row] += static_cast<long double>(c.x[(t - m) * c.rows() + row]) *
                                            c.kernel[row % c.sizes.channels * c.sizes.taps + m];
    return sums;
}

template <class T>
LongConvStream<T> make_stream(const Case<T>& c, Isa isa, std::size_t threads) {
    return LongConvStream<T>(
        std::make_shared<const LongConvStreamKernel<T>>(c.sizes, c.kernel.data(), isa, threads));
}

// Outputs of tokens first .. last - 1 into their place.
template <class T>
void advance(LongConvStream<T>& stream, const Case<T>& c, std::size_t first, std::size_t last, std::vector<T>& y) {
    const TokenOperands<T> operands{c.x.data() + first * c.rows(), nullptr, nullptr};
    stream.template advance<T>(operands, y.data() + first * c.rows(), last - first, 2);
}

template <class T>
void test_tokens(const LongConvStreamSizes& sizes, Isa isa, std::size_t threads) {
    const Case<T> c = make_case<T>(sizes, 2 * sizes.taps + 150);
    const std::vector<long double> expected = naive(c);
    const double bound = allowed<T>(sizes.taps);
    const std::string what = name(isa) + (sizeof(T) == 4 ? " float32" : " float64") + " rows " +
                             std::to_string(c.rows()) + " taps " + std::to_string(sizes.taps);
    std::vector<T> y(c.x.size(), std::numeric_limits<T>::quiet_NaN());
    LongConvStream<T> stream = make_stream(c, isa, threads);
    check(stream.kernel().plan().shards().size() == threads, what + ": a shard for each thread");
    for (std::size_t first = 0, size = 1; first < c.tokens; first += size, size = size % 37 + 1)
        advance(stream, c, first, std::min(first + size, c.tokens), y);
    check(largest_error(y, expected) <= bound, what + ": in chunks");

    const std::size_t cut = c.tokens / 2, count = std::min(cut, sizes.taps - 1);
    std::vector<T> past(c.rows() * count);
    for (std::size_t row = 0; row < c.rows(); ++row)
        for (std::size_t i = 0; i < count; ++i) past[row * count + i] = c.x[(cut - count + i) * c.rows() + row];
    std::vector<T> resumed = y;
    std::fill(resumed.begin() + static_cast<std::ptrdiff_t>(cut * c.rows()), resumed.end(),
              std::numeric_limits<T>::quiet_NaN());
    stream.resume(past.data(), count, threads);
    std::vector<T> recalled(past.size(), std::numeric_limits<T>::quiet_NaN());
    check(stream.seen() == count, what + ": what it has seen");
    stream.past(recalled.data());
    check(recalled == past, what + ": the past that it was given");
    advance(stream, c, cut, c.tokens, resumed);
    check(largest_error(resumed, expected) <= bound, what + ": after a past");
}

void test_copy(Isa isa) {
    const Case<float> c = make_case<float>({1, 5, 700}, 1500);
    std::vector<float> straight(c.x.size()), forked(c.x.size());
    LongConvStream<float> stream = make_stream(c, isa, 1);
    advance(stream, c, 0, 777, straight);
    forked = straight;
    LongConvStream<float> copy(stream);
    advance(stream, c, 777, c.tokens, straight);
    advance(copy, c, 777, c.tokens, forked);
    check(forked == straight, name(isa) + ": a copy goes on by itself, bit for bit");
}

// Each lag in exactly one level, and enough of a past for each.
void test_levels() {
    for (std::size_t taps : {1, 32, 33, 128, 129, 320, 321, 5000, 16384, 65536, 65600}) {
        std::size_t covered = std::min(taps, kNearTaps);
        for (const FarSizes& level : far_levels(taps)) {
            check(level.first_tap() == covered, std::to_string(taps) + " taps: levels without gap or overlap");
            check(level.block >= kFarBlock && level.taps <= 3 * level.block, "a level's taps fit its transform");
            covered += level.taps;
        }
        check(covered == taps, std::to_string(taps) + " taps: all covered");
    }
}

// A task is done when its period ends, no step twice.
void test_pace() {
    const std::vector<StreamTask> tasks{{16, 3, {5, 1}}, {64, 7, {40, 1, 9}}, {128, 1, {1000}}};
    StreamPace pace(&tasks);
    std::vector<std::set<std::pair<std::size_t, std::size_t>>> done(tasks.size());
    for (std::ptrdiff_t time = 0; time < 1024; ++time) {
        pace.release_due(time);
        for (std::size_t task = 0; task < tasks.size(); ++task)
            if (time % static_cast<std::ptrdiff_t>(tasks[task].period) == 0) {
                const std::size_t steps = tasks[task].rounds * tasks[task].step_work.size();
                check(time == 0 || done[task].size() == steps, "every step is done in its period");
                done[task].clear();
            }
        pace.spend(time, [&](const StreamSteps& steps) {
            for (std::size_t step = steps.first; step < steps.last; ++step)
                check(done[steps.task].emplace(steps.round, step).second, "no step is done twice");
        });
    }
}

}  // namespace

void test_long_conv_stream() {
    test_levels();
    test_pace();
    for (const Isa isa : supported_isas()) {
        for (std::size_t taps : {1, 2, 31, 32, 33, 64, 65, 127, 128, 129, 200, 320, 321, 450, 700})
            for (std::size_t batch : {1, 3}) {
                test_tokens<float>({batch, 2, taps}, isa, 1);
                test_tokens<double>({batch, 3, taps}, isa, 1);
            }
        test_tokens<float>({2, 17, 400}, isa, 1);
        test_tokens<float>({3, 16, 150}, isa, 1);
        test_tokens<float>({1, 1, 2500}, isa, 1);
        test_tokens<float>({1, 2000, 130}, isa, 2);  // more than one shard
        test_copy(isa);
    }
}

}  // namespace circulant::tests
