// Every role of the local convolution against the sums that define it.
#include <limits>

#include "kernels/local_conv.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

template <class T>
struct Case {
    LocalConvSizes sizes;
    std::vector<T> x, weight, g;
};

struct Expected {
    std::vector<long double> output, input_gradient, kernel_gradient;
};

std::size_t plane(const LocalConvSizes& s) { return s.depth.size * s.rows.size * s.columns.size; }

std::size_t out_plane(const LocalConvSizes& s) {
    return s.depth.out_size * s.rows.out_size * s.columns.out_size;
}

std::size_t taps(const LocalConvSizes& s) { return s.depth.taps * s.rows.taps * s.columns.taps; }

// Splits an index over three axes, `part` of each, into that along each.
struct Place {
    std::size_t slice, row, column;
};

Place place_at(const LocalConvSizes& s, std::size_t index, std::size_t LocalAxis::*part) {
    const std::size_t columns = s.columns.*part, rows = s.rows.*part;
    return {index / columns / rows, index / columns % rows, index % columns};
}

// Place in x that result `out` meets with tap `tap`, or size if it lies outside.
std::size_t source(const LocalAxis& axis, std::size_t out, std::size_t tap) {
    const std::size_t padded = out * axis.stride + tap * axis.dilation;
    return padded < axis.before || padded - axis.before >= axis.size ? axis.size : padded - axis.before;
}

template <class T>
void add_tap(const Case<T>& c, std::size_t channel, std::size_t tap, std::size_t out, Expected& sums) {
    const LocalConvSizes& s = c.sizes;
    const Place p = place_at(s, out, &LocalAxis::out_size), m = place_at(s, tap, &LocalAxis::taps);
    const std::size_t slice = source(s.depth, p.slice, m.slice), row = source(s.rows, p.row, m.row);
    const std::size_t column = source(s.columns, p.column, m.column);
    if (slice == s.depth.size || row == s.rows.size || column == s.columns.size) return;
    const std::size_t from = channel * plane(s) + (slice * s.rows.size + row) * s.columns.size + column;
    const std::size_t group = channel / (s.channels / s.groups);
    const std::size_t kernel = (group * taps(s) + tap) * out_plane(s) + out;
    const std::size_t at = channel * out_plane(s) + out;
    const long double x = c.x[from], w = c.weight[kernel], g = c.g[at];
    sums.output[at] += w * x;
    sums.input_gradient[from] += w * g;
    sums.kernel_gradient[kernel] += x * g;
}

template <class T>
Expected sums_of(const Case<T>& c) {
    const LocalConvSizes& s = c.sizes;
    Expected sums{std::vector<long double>(c.g.size()), std::vector<long double>(c.x.size()),
                  std::vector<long double>(c.weight.size())};
    for (std::size_t channel = 0; channel < s.batch * s.channels; ++channel)
        for (std::size_t tap = 0; tap < taps(s); ++tap)
            for (std::size_t out = 0; out < out_plane(s); ++out) add_tap(c, channel, tap, out, sums);
    return sums;
}

template <class T>
void test_case(const LocalConvSizes& s, Execution execution, const std::string& label) {
    const Case<T> c = {s, random_values<T>(s.batch * s.channels * plane(s), 1),
                       random_values<T>(s.batch * s.groups * taps(s) * out_plane(s), 2),
                       random_values<T>(s.batch * s.channels * out_plane(s), 3)};
    const Expected expected = sums_of(c);
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> y(c.g.size(), nan), gx(c.x.size(), nan), gw(c.weight.size(), nan);
    LocalConvSizes whole = s;
    whole.block.channels = s.channels / s.groups;
    local_output(s, c.x.data(), c.weight.data(), y.data(), execution);
    local_input_gradient(s, c.g.data(), c.weight.data(), gx.data(), execution);
    local_kernel_gradient(whole, c.x.data(), c.g.data(), gw.data(), execution);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32 " : " float64 ") + label;
    check(largest_error(y, expected.output) <= allowed<T>(taps(s)), what + ": output");
    check(largest_error(gx, expected.input_gradient) <= allowed<T>(taps(s)), what + ": input gradient");
    check(largest_error(gw, expected.kernel_gradient) <= allowed<T>(whole.block.channels),
          what + ": kernel gradient");
}

LocalAxis axis(std::size_t size, std::size_t taps, std::size_t stride, std::size_t dilation,
               std::size_t before, std::size_t after) {
    const std::size_t out = (size + before + after - dilation * (taps - 1) - 1) / stride + 1;
    return {size, out, taps, stride, dilation, before};
}

constexpr LocalAxis kSingle = {1, 1, 1, 1, 1, 0};

}  // namespace

void test_local_conv() {
    const struct {
        const char* label;
        LocalConvSizes sizes;
    } cases[] = {
        {"one pixel", {1, 1, 1, kSingle, kSingle, kSingle, {1, 1, 16}}},
        {"one axis in blocks", {2, 6, 2, kSingle, kSingle, axis(70, 5, 1, 1, 4, 0), {2, 1, 32}}},
        {"a plane in blocks",
         {1, 20, 1, kSingle, axis(9, 3, 1, 1, 1, 1), axis(37, 5, 1, 1, 2, 2), {9, 4, 16}}},
        {"stride and dilation",
         {2, 4, 2, kSingle, axis(14, 3, 2, 3, 2, 1), axis(41, 4, 3, 2, 5, 0), {2, 3, 16}}},
        {"padding beyond the kernel",
         {1, 3, 1, kSingle, axis(4, 2, 1, 1, 7, 6), axis(5, 3, 2, 1, 9, 8), {3, 16, 16}}},
        {"a volume",
         {1, 4, 2, axis(5, 2, 2, 1, 1, 0), axis(6, 3, 1, 2, 2, 2), axis(9, 2, 1, 1, 0, 1), {2, 2, 16}}},
    };
    for (const Isa isa : supported_isas())
        for (const auto& c : cases) {
            test_case<float>(c.sizes, {3, isa}, c.label);
            test_case<double>(c.sizes, {1, isa}, c.label);
        }
}

}  // namespace circulant::tests
