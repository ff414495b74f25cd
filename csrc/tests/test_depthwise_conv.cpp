// Every role of the depthwise convolution against the sums that define it.
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

template <class T>
void add_plane(const Case<T>& c, std::size_t plane, Expected& sums) {
    const DepthwiseAxis &r = c.sizes.rows, &q = c.sizes.columns;
    const std::size_t x_plane = plane / c.sizes.multiplier;
    const std::size_t channel = plane % (c.sizes.channels * c.sizes.multiplier);
    for (std::size_t i = 0; i < r.out_size; ++i)
        for (std::size_t j = 0; j < q.out_size; ++j)
            for (std::size_t u = 0; u < r.taps; ++u)
                for (std::size_t v = 0; v < q.taps; ++v) {
                    const std::size_t row = source(r, i, u), column = source(q, j, v);
                    if (row == r.size || column == q.size) continue;
                    const std::size_t from = (x_plane * r.size + row) * q.size + column;
                    const std::size_t at = (plane * r.out_size + i) * q.out_size + j;
                    const std::size_t tap = (channel * r.taps + u) * q.taps + v;
                    const long double x = c.x[from], w = c.weight[tap], g = c.g[at];
                    sums.output[at] += w * x;
                    sums.input_gradient[from] += w * g;
                    sums.kernel_gradient[tap] += g * x;
                }
}

template <class T>
Case<T> random_case(const DepthwiseSizes& s) {
    const std::size_t channels = s.channels * s.multiplier;
    return {s, random_values<T>(s.batch * s.channels * s.rows.size * s.columns.size, 1),
            random_values<T>(channels * s.rows.taps * s.columns.taps, 2),
            random_values<T>(s.batch * channels * s.rows.out_size * s.columns.out_size, 3)};
}

template <class T>
void test_case(const DepthwiseSizes& s, Execution execution, const std::string& label) {
    const Case<T> c = random_case<T>(s);
    Expected expected{std::vector<long double>(c.g.size()), std::vector<long double>(c.x.size()),
                      std::vector<long double>(c.weight.size())};
    for (std::size_t plane = 0; plane < s.batch * s.channels * s.multiplier; ++plane)
        add_plane(c, plane, expected);
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> y(c.g.size(), nan), gx(c.x.size(), nan), gw(c.weight.size(), nan);
    depthwise_output(s, c.x.data(), c.weight.data(), y.data(), execution);
    depthwise_input_gradient(s, c.g.data(), c.weight.data(), gx.data(), execution);
    depthwise_kernel_gradient(s, c.x.data(), c.g.data(), gw.data(), execution);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32 " : " float64 ") + label;
    const std::size_t taps = s.rows.taps * s.columns.taps * s.multiplier;
    check(largest_error(y, expected.output) <= allowed<T>(taps), what + ": output");
    check(largest_error(gx, expected.input_gradient) <= allowed<T>(taps), what + ": input gradient");
    check(largest_error(gw, expected.kernel_gradient) <=
              allowed<T>(s.batch * s.rows.out_size * s.columns.out_size),
          what + ": kernel gradient");
}

DepthwiseAxis axis(std::size_t size, std::size_t taps, std::size_t stride, std::size_t dilation,
                   std::size_t before, std::size_t after) {
    const std::size_t out = (size + before + after - dilation * (taps - 1) - 1) / stride + 1;
    return {size, out, taps, stride, dilation, before};
}

}  // namespace

void test_depthwise_conv() {
    const struct {
        const char* label;
        DepthwiseSizes sizes;
    } cases[] = {
        {"one pixel", {1, 1, 1, axis(1, 1, 1, 1, 0, 0), axis(1, 1, 1, 1, 0, 0)}},
        {"one axis", {2, 3, 1, axis(1, 1, 1, 1, 0, 0), axis(100, 9, 1, 1, 8, 0)}},
        {"wide plane", {2, 2, 1, axis(9, 3, 1, 1, 1, 1), axis(131, 5, 1, 1, 2, 2)}},
        {"odd plane, many taps", {2, 3, 1, axis(23, 13, 1, 1, 6, 6), axis(29, 13, 1, 1, 6, 6)}},
        {"kernel larger than the plane", {1, 2, 1, axis(5, 11, 1, 1, 5, 5), axis(6, 12, 1, 1, 6, 6)}},
        {"stride", {2, 2, 1, axis(20, 5, 2, 1, 2, 1), axis(37, 4, 3, 1, 0, 2)}},
        {"stride beyond the kernel", {2, 2, 1, axis(17, 2, 5, 1, 1, 0), axis(19, 1, 4, 1, 3, 0)}},
        {"dilation", {2, 2, 1, axis(20, 3, 1, 4, 4, 4), axis(33, 5, 1, 2, 4, 3)}},
        {"stride and dilation", {2, 2, 1, axis(21, 3, 2, 3, 5, 1), axis(40, 4, 4, 2, 1, 7)}},
        {"padding beyond the kernel", {1, 1, 1, axis(4, 2, 1, 1, 7, 6), axis(5, 3, 2, 1, 9, 8)}},
        {"multiplier", {2, 3, 4, axis(11, 3, 2, 1, 1, 1), axis(18, 3, 1, 2, 2, 2)}},
        {"several threads", {4, 6, 1, axis(40, 9, 1, 1, 4, 4), axis(40, 9, 1, 1, 4, 4)}},
    };
    for (const Isa isa : supported_isas())
        for (const auto& c : cases) {
            test_case<float>(c.sizes, {3, isa}, c.label);
            test_case<double>(c.sizes, {1, isa}, c.label);
        }
}

}  // namespace circulant::tests
