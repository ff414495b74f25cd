// Every role of the gathered convolution against the sums that define it.
#include <limits>

#include "core/error.hpp"
#include "kernels/gathered_conv.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

template <class T>
struct Case {
    GatheredConvSizes sizes;
    std::vector<T> x, weight, g;
    std::vector<std::int64_t> index;
};

struct Expected {
    std::vector<long double> output, input_gradient, kernel_gradient;
};

// The channels of a group meet at one neighbour of one result.
template <class T>
void add_neighbour(const Case<T>& c, std::size_t image, std::size_t p, std::size_t m, Expected& sums) {
    const GatheredConvSizes& s = c.sizes;
    const std::int64_t neighbour = c.index[p * s.taps + m];
    if (neighbour < 0) return;
    const std::size_t ins = s.in_channels / s.groups, outs = s.out_channels / s.groups;
    for (std::size_t o = 0; o < s.out_channels; ++o)
        for (std::size_t i = 0; i < ins; ++i) {
            const std::size_t channel = image * s.in_channels + o / outs * ins + i;
            const std::size_t from = channel * s.places + static_cast<std::size_t>(neighbour);
            const std::size_t at = (image * s.out_channels + o) * s.outputs + p;
            const std::size_t kernel = (o * ins + i) * s.taps + m;
            const long double x = c.x[from], w = c.weight[kernel], g = c.g[at];
            sums.output[at] += w * x;
            sums.input_gradient[from] += w * g;
            sums.kernel_gradient[kernel] += x * g;
        }
}

template <class T>
Case<T> random_case(const GatheredConvSizes& s) {
    Case<T> c = {s, random_values<T>(s.batch * s.in_channels * s.places, 1),
                 random_values<T>(s.out_channels * (s.in_channels / s.groups) * s.taps, 2),
                 random_values<T>(s.batch * s.out_channels * s.outputs, 3),
                 std::vector<std::int64_t>(s.outputs * s.taps)};
    std::mt19937 generator(4);
    std::uniform_int_distribution<std::int64_t> any(-1, static_cast<std::int64_t>(s.places) - 1);
    for (std::int64_t& neighbour : c.index) neighbour = any(generator);
    return c;
}

template <class T>
void test_case(const GatheredConvSizes& s, Execution execution, const std::string& label) {
    const Case<T> c = random_case<T>(s);
    Expected expected{std::vector<long double>(c.g.size()), std::vector<long double>(c.x.size()),
                      std::vector<long double>(c.weight.size())};
    for (std::size_t image = 0; image < s.batch; ++image)
        for (std::size_t p = 0; p < s.outputs; ++p)
            for (std::size_t m = 0; m < s.taps; ++m) add_neighbour(c, image, p, m, expected);
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> y(c.g.size(), nan), gx(c.x.size(), nan), gw(c.weight.size(), nan);
    gathered_output(s, c.x.data(), c.weight.data(), c.index.data(), y.data(), execution);
    gathered_input_gradient(s, c.g.data(), c.weight.data(), c.index.data(), gx.data(), execution);
    gathered_kernel_gradient(s, c.x.data(), c.g.data(), c.index.data(), gw.data(), execution);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32 " : " float64 ") + label;
    const std::size_t met = s.taps * s.outputs;
    check(largest_error(y, expected.output) <= allowed<T>(s.taps * s.in_channels), what + ": output");
    check(largest_error(gx, expected.input_gradient) <= allowed<T>(met * s.out_channels),
          what + ": input gradient");
    check(largest_error(gw, expected.kernel_gradient) <= allowed<T>(met * s.batch),
          what + ": kernel gradient");
}

void test_refusal(Isa isa) {
    const GatheredConvSizes s = {1, 1, 1, 1, 3, 2, 1, 1};
    const float x[3] = {1, 2, 3}, weight[1] = {1};
    float y[2] = {};
    for (const std::int64_t wrong : {std::int64_t{-2}, std::int64_t{3}}) {
        const std::int64_t index[2] = {0, wrong};
        bool refused = false;
        try {
            gathered_output(s, x, weight, index, y, {1, isa});
        } catch (const ArgumentError&) {
            refused = true;
        }
        check(refused, "an index of no place is refused");
    }
}

}  // namespace

void test_gathered_conv() {
    const struct {
        const char* label;
        GatheredConvSizes sizes;  // batch, in, out, groups, places, outputs, taps, block
    } cases[] = {
        {"one of all", {1, 1, 1, 1, 1, 1, 1, 1}},
        {"channels by themselves", {2, 5, 5, 5, 9, 35, 3, 4}},
        {"many channels by themselves", {2, 83, 83, 83, 12, 33, 5, 48}},
        {"dense", {2, 7, 5, 1, 20, 37, 3, 5}},
        {"dense in blocks", {1, 35, 70, 1, 6, 40, 2, 32}},
        {"groups", {3, 6, 9, 3, 20, 31, 4, 3}},
    };
    for (const Isa isa : supported_isas()) {
        for (const auto& c : cases) {
            test_case<float>(c.sizes, {3, isa}, c.label);
            test_case<double>(c.sizes, {1, isa}, c.label);
        }
        test_refusal(isa);
    }
}

}  // namespace circulant::tests
