// The sampled convolution and its gradients against sums over every sample of the input.
#include <array>
#include <limits>

#include "kernels/sampled_conv.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

using Numbers = std::vector<long double>;
using Index = std::array<std::size_t, 3>;

template <class T>
struct Case {
    SampledConvSizes sizes;
    std::vector<T> x, offset, modulation, g;
};

struct Expected {
    Numbers output, x, offset, modulation;
};

std::array<SampledAxis, 3> axes(const SampledConvSizes& s) { return {s.depth, s.rows, s.columns}; }

std::size_t count(const SampledConvSizes& s, std::size_t SampledAxis::*part) {
    return s.depth.*part * (s.rows.*part) * (s.columns.*part);
}

Index split(const SampledConvSizes& s, std::size_t index, std::size_t SampledAxis::*part) {
    const std::size_t columns = s.columns.*part, rows = s.rows.*part;
    return {index / columns / rows, index / columns % rows, index % columns};
}

// The share of sample `at` in the value at a place along one axis, and how it grows with the place.
struct Tent {
    long double share, slope;
};

Tent tent(long double place, std::size_t at) {
    const long double distance = place - static_cast<long double>(at);
    if (std::abs(distance) >= 1) return {0, 0};
    return {1 - std::abs(distance), distance > 0 ? -1.0L : 1.0L};
}

// One tap of one result of one channel, at a known place.
template <class T>
void add_samples(const Case<T>& c, std::size_t channel, std::size_t site, std::size_t out,
                 const std::array<long double, 3>& place, Expected& sums) {
    const SampledConvSizes& s = c.sizes;
    const std::size_t plane = count(s, &SampledAxis::size), outs = count(s, &SampledAxis::out_size);
    const std::size_t at = channel * outs + out, single = 3 - s.ndim;
    const long double weight = c.modulation[site * outs + out], g = c.g[at];
    for (std::size_t n = 0; n < plane; ++n) {
        const Index index = split(s, n, &SampledAxis::size);
        const Tent tents[3] = {tent(place[0], index[0]), tent(place[1], index[1]), tent(place[2], index[2])};
        const long double share = tents[0].share * tents[1].share * tents[2].share;
        const long double x = c.x[channel * plane + n];
        sums.output[at] += weight * share * x;
        sums.x[channel * plane + n] += g * weight * share;
        sums.modulation[site * outs + out] += g * share * x;
        for (std::size_t axis = single; axis < 3; ++axis) {
            long double slope = tents[axis].slope;
            for (std::size_t other = 0; other < 3; ++other) slope *= other == axis ? 1 : tents[other].share;
            sums.offset[(site * s.ndim + axis - single) * outs + out] += g * weight * slope * x;
        }
    }
}

template <class T>
Expected sums_of(const Case<T>& c) {
    const SampledConvSizes& s = c.sizes;
    const std::size_t taps = count(s, &SampledAxis::taps), outs = count(s, &SampledAxis::out_size);
    Expected sums{Numbers(c.g.size()), Numbers(c.x.size()), Numbers(c.offset.size()),
                  Numbers(c.modulation.size())};
    for (std::size_t channel = 0; channel < s.batch * s.channels; ++channel)
        for (std::size_t tap = 0; tap < taps; ++tap)
            for (std::size_t out = 0; out < outs; ++out) {
                const Index p = split(s, out, &SampledAxis::out_size), m = split(s, tap, &SampledAxis::taps);
                const std::size_t site = channel / (s.channels / s.groups) * taps + tap, single = 3 - s.ndim;
                std::array<long double, 3> place{};
                for (std::size_t axis = single; axis < 3; ++axis) {
                    const SampledAxis a = axes(s)[axis];
                    place[axis] = static_cast<long double>(p[axis] * a.stride + m[axis] * a.dilation) -
                                  static_cast<long double>(a.before) +
                                  c.offset[(site * s.ndim + axis - single) * outs + out];
                }
                add_samples(c, channel, site, out, place, sums);
            }
    return sums;
}

// Offsets are odd numbers of sixteenths: exact in every type, and never a whole place.
template <class T>
Case<T> random_case(const SampledConvSizes& s) {
    const std::size_t outs = count(s, &SampledAxis::out_size);
    const std::size_t sites = s.batch * s.groups * count(s, &SampledAxis::taps) * outs;
    Case<T> c = {s, random_values<T>(s.batch * s.channels * count(s, &SampledAxis::size), 1),
                 random_values<T>(sites * s.ndim, 2), random_values<T>(sites, 3),
                 random_values<T>(s.batch * s.channels * outs, 4)};
    for (T& offset : c.offset) offset = (2 * std::floor(offset * 16) + 1) / 16;
    return c;
}

template <class T>
void test_case(const SampledConvSizes& s, Execution execution, const std::string& label) {
    const Case<T> c = random_case<T>(s);
    const Expected expected = sums_of(c);
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> y(c.g.size(), nan), gx(c.x.size(), nan);
    std::vector<T> go(c.offset.size(), nan), ga(c.modulation.size(), nan);
    sampled_output(s, c.x.data(), c.offset.data(), c.modulation.data(), y.data(), execution);
    sampled_gradients(s, c.x.data(), c.offset.data(), c.modulation.data(), c.g.data(),
                      SampledGradients<T>{gx.data(), go.data(), ga.data()}, execution);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32 " : " float64 ") + label;
    const std::size_t terms = count(s, &SampledAxis::taps) << s.ndim, channels = s.channels << s.ndim;
    check(largest_error(y, expected.output) <= allowed<T>(terms), what + ": output");
    check(largest_error(gx, expected.x) <= allowed<T>(terms), what + ": input gradient");
    check(largest_error(go, expected.offset) <= allowed<T>(channels), what + ": offset gradient");
    check(largest_error(ga, expected.modulation) <= allowed<T>(channels), what + ": modulation gradient");
}

SampledAxis axis(std::size_t size, std::size_t taps, std::size_t stride, std::size_t dilation,
                 std::size_t before, std::size_t after) {
    const std::size_t out = (size + before + after - dilation * (taps - 1) - 1) / stride + 1;
    return {size, out, taps, stride, dilation, before};
}

constexpr SampledAxis kSingle = {1, 1, 1, 1, 1, 0};

}  // namespace

void test_sampled_conv() {
    const struct {
        const char* label;
        SampledConvSizes sizes;  // batch, channels, groups, block, ndim, depth, rows, columns
    } cases[] = {
        {"one pixel", {1, 1, 1, 1, 2, kSingle, kSingle, kSingle}},
        {"one axis", {2, 6, 2, 3, 1, kSingle, kSingle, axis(41, 3, 2, 2, 3, 1)}},
        {"a plane", {2, 5, 1, 5, 2, kSingle, axis(6, 3, 1, 1, 1, 1), axis(7, 3, 1, 1, 1, 1)}},
        {"channels in blocks", {1, 40, 1, 16, 2, kSingle, axis(5, 2, 1, 2, 1, 1), axis(8, 2, 2, 1, 0, 2)}},
        {"a volume",
         {1, 18, 2, 9, 3, axis(3, 2, 1, 1, 1, 0), axis(4, 1, 2, 1, 0, 1), axis(5, 2, 1, 1, 0, 1)}},
    };
    for (const Isa isa : supported_isas())
        for (const auto& c : cases) {
            test_case<float>(c.sizes, {3, isa}, c.label);
            test_case<double>(c.sizes, {1, isa}, c.label);
        }
}

}  // namespace circulant::tests
