// Every role of the depthwise convolution against the sums that define it.
#include <algorithm>
#include <limits>

#include "kernels/depthwise_conv.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

struct Expected {
    std::vector<long double> output, input_gradient, kernel_gradient;
};

template <class T>
struct Case {
    DepthwiseSizes sizes;
    std::vector<T> x, weight, g;
};

// Place in x that output `out` meets with tap `tap`, or size if it lies outside.
std::size_t source(const DepthwiseAxis& axis, std::size_t out, std::size_t tap) {
    const std::size_t padded = out * axis.stride + tap * axis.dilation;
    return padded < axis.before || padded - axis.before >= axis.size ? axis.size : padded - axis.before;
}

std::size_t volume(const DepthwiseSizes& s) { return s.depth.size * s.rows.size * s.columns.size; }

std::size_t out_volume(const DepthwiseSizes& s) {
    return s.depth.out_size * s.rows.out_size * s.columns.out_size;
}

std::size_t kernel_size(const DepthwiseSizes& s) { return s.depth.taps * s.rows.taps * s.columns.taps; }

// Every pair of an output and a tap of one output volume: meet(output, tap, sample of x).
template <class Meet>
void for_each_meeting(const DepthwiseSizes& s, const Meet& meet) {
    const DepthwiseAxis &d = s.depth, &r = s.rows, &q = s.columns;
    for (std::size_t out = 0; out < out_volume(s); ++out)
        for (std::size_t tap = 0; tap < kernel_size(s); ++tap) {
            const std::size_t plane = source(d, out / (r.out_size * q.out_size), tap / (r.taps * q.taps));
            const std::size_t row = source(r, out / q.out_size % r.out_size, tap / q.taps % r.taps);
            const std::size_t column = source(q, out % q.out_size, tap % q.taps);
            if (plane == d.size || row == r.size || column == q.size) continue;
            meet(out, tap, (plane * r.size + row) * q.size + column);
        }
}

template <class T>
void add_volume(const Case<T>& c, std::size_t number, Expected& sums) {
    const std::size_t channel = number % (c.sizes.channels * c.sizes.multiplier);
    const std::size_t x_first = number / c.sizes.multiplier * volume(c.sizes);
    for_each_meeting(c.sizes, [&](std::size_t out, std::size_t tap, std::size_t sample) {
        const std::size_t at = number * out_volume(c.sizes) + out, from = x_first + sample;
        const std::size_t weight = channel * kernel_size(c.sizes) + tap;
        const long double x = c.x[from], w = c.weight[weight], g = c.g[at];
        sums.output[at] += w * x;
        sums.input_gradient[from] += w * g;
        sums.kernel_gradient[weight] += g * x;
    });
}

template <class T>
Case<T> random_case(const DepthwiseSizes& s) {
    const std::size_t channels = s.channels * s.multiplier;
    return {s, random_values<T>(s.batch * s.channels * volume(s), 1),
            random_values<T>(channels * kernel_size(s), 2),
            random_values<T>(s.batch * channels * out_volume(s), 3)};
}

// An operand between NaN, or a result between numbers that must stay; the result starts as NaN.
template <class T>
class Guarded final {
public:
    explicit Guarded(const std::vector<T>& operand) : Guarded(operand.size(), kNaN) {
        std::copy(operand.begin(), operand.end(), data());
    }
    explicit Guarded(std::size_t results) : Guarded(results, T{7}) {}

    T* data() { return memory_.data() + kGuard; }
    std::vector<T> inner() { return {data(), data() + size_}; }

    bool is_intact() const {
        return std::all_of(memory_.begin(), memory_.begin() + kGuard, [](T value) { return value == 7; }) &&
               std::all_of(memory_.end() - kGuard, memory_.end(), [](T value) { return value == 7; });
    }

private:
    static constexpr std::ptrdiff_t kGuard = 64;
    static constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();

    Guarded(std::size_t size, T beside) : size_(size), memory_(size + 2 * kGuard, beside) {
        std::fill(data(), data() + size, kNaN);
    }

    std::size_t size_;
    std::vector<T> memory_;
};

template <class T>
void test_case(const DepthwiseSizes& s, Execution execution, const std::string& label) {
    const Case<T> c = random_case<T>(s);
    Expected expected{std::vector<long double>(c.g.size()), std::vector<long double>(c.x.size()),
                      std::vector<long double>(c.weight.size())};
    for (std::size_t number = 0; number < s.batch * s.channels * s.multiplier; ++number)
        add_volume(c, number, expected);
    Guarded<T> x(c.x), weight(c.weight), g(c.g), y(c.g.size()), gx(c.x.size()), gw(c.weight.size());
    depthwise_output<T>(s, x.data(), weight.data(), y.data(), execution);
    depthwise_input_gradient<T>(s, g.data(), weight.data(), gx.data(), execution);
    depthwise_kernel_gradient<T>(s, x.data(), g.data(), gw.data(), execution);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32 " : " float64 ") + label;
    const std::size_t taps = kernel_size(s) * s.multiplier;
    check(largest_error(y.inner(), expected.output) <= allowed<T>(taps), what + ": output");
    check(largest_error(gx.inner(), expected.input_gradient) <= allowed<T>(taps), what + ": input gradient");
    check(largest_error(gw.inner(), expected.kernel_gradient) <= allowed<T>(s.batch * out_volume(s)),
          what + ": kernel gradient");
    check(y.is_intact() && gx.is_intact() && gw.is_intact(), what + ": writes outside a result");
}

DepthwiseAxis axis(std::size_t size, std::size_t taps, std::size_t stride, std::size_t dilation,
                   std::size_t before, std::size_t after) {
    const std::size_t out = (size + before + after - dilation * (taps - 1) - 1) / stride + 1;
    return {size, out, taps, stride, dilation, before};
}

constexpr DepthwiseAxis kOne = {1, 1, 1, 1, 1, 0};

}  // namespace

void test_depthwise_conv() {
    const struct {
        const char* label;
        DepthwiseSizes sizes;
    } cases[] = {
        {"one pixel", {1, 1, 1, kOne, axis(1, 1, 1, 1, 0, 0), axis(1, 1, 1, 1, 0, 0)}},
        {"one axis", {2, 3, 1, kOne, axis(1, 1, 1, 1, 0, 0), axis(100, 9, 1, 1, 8, 0)}},
        {"wide plane", {2, 2, 1, kOne, axis(9, 3, 1, 1, 1, 1), axis(131, 5, 1, 1, 2, 2)}},
        {"odd plane, many taps", {2, 3, 1, kOne, axis(23, 13, 1, 1, 6, 6), axis(29, 13, 1, 1, 6, 6)}},
        {"kernel larger than the plane", {1, 2, 1, kOne, axis(5, 11, 1, 1, 5, 5), axis(6, 12, 1, 1, 6, 6)}},
        {"stride", {2, 2, 1, kOne, axis(20, 5, 2, 1, 2, 1), axis(37, 4, 3, 1, 0, 2)}},
        {"stride beyond the kernel", {2, 2, 1, kOne, axis(17, 2, 5, 1, 1, 0), axis(19, 1, 4, 1, 3, 0)}},
        {"dilation", {2, 2, 1, kOne, axis(20, 3, 1, 4, 4, 4), axis(33, 5, 1, 2, 4, 3)}},
        {"stride and dilation", {2, 2, 1, kOne, axis(21, 3, 2, 3, 5, 1), axis(40, 4, 4, 2, 1, 7)}},
        {"padding beyond the kernel", {1, 1, 1, kOne, axis(4, 2, 1, 1, 7, 6), axis(5, 3, 2, 1, 9, 8)}},
        {"multiplier", {2, 3, 4, kOne, axis(11, 3, 2, 1, 1, 1), axis(18, 3, 1, 2, 2, 2)}},
        {"long series, many taps", {2, 2, 1, kOne, kOne, axis(1500, 37, 1, 1, 18, 18)}},
        {"more taps than a tile of rows holds", {1, 2, 1, kOne, kOne, axis(700, 150, 1, 1, 149, 0)}},
        {"series, stride and dilation", {2, 2, 1, kOne, kOne, axis(900, 21, 3, 2, 11, 7)}},
        {"series, dilation", {2, 2, 1, kOne, kOne, axis(900, 40, 1, 3, 60, 57)}},
        {"rows of a series", {2, 2, 1, kOne, axis(300, 5, 1, 1, 4, 0), kOne}},
        {"plane in bands", {1, 2, 1, kOne, axis(60, 3, 1, 1, 1, 1), axis(600, 3, 1, 1, 1, 1)}},
        {"strided plane in bands", {1, 2, 1, kOne, axis(130, 4, 2, 1, 1, 1), axis(700, 3, 2, 1, 1, 1)}},
        {"volume", {2, 2, 1, axis(6, 3, 1, 1, 1, 1), axis(7, 3, 1, 1, 1, 1), axis(20, 3, 1, 1, 1, 1)}},
        {"wide volume", {1, 2, 2, axis(4, 2, 1, 1, 1, 0), axis(5, 2, 1, 1, 0, 1), axis(90, 5, 1, 1, 2, 2)}},
        {"volume, stride and dilation",
         {2, 2, 2, axis(9, 3, 2, 2, 3, 1), axis(10, 2, 3, 1, 1, 1), axis(17, 3, 2, 3, 4, 2)}},
        {"volume, stride beyond the kernel",
         {1, 2, 1, axis(11, 2, 4, 1, 1, 0), axis(6, 1, 2, 1, 0, 0), axis(9, 2, 3, 1, 1, 0)}},
        {"several threads", {4, 6, 1, kOne, axis(40, 9, 1, 1, 4, 4), axis(40, 9, 1, 1, 4, 4)}},
    };
    for (const Isa isa : supported_isas())
        for (const auto& c : cases) {
            test_case<float>(c.sizes, {3, isa}, c.label);
            test_case<double>(c.sizes, {1, isa}, c.label);
        }
}

}  // namespace circulant::tests
