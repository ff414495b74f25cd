// The convolutions over windows against the sums that define them.
#include <limits>

#include "kernels/im2win.hpp"
#include "kernels/sliding_conv.hpp"
#include "kernels/winograd.hpp"
#include "tests/check.hpp"
#include "tests/windows.hpp"

namespace circulant::tests {

namespace {

template <class T>
std::vector<long double> expected_output(const WindowConvSizes& s, const std::vector<T>& x,
                                         const std::vector<T>& weight) {
    std::vector<long double> y;
    for (std::size_t plane = 0; plane < s.batch * s.groups * s.out_channels; ++plane) {
        const std::size_t channel = plane % (s.groups * s.out_channels);
        const std::size_t first = plane / s.out_channels * s.in_channels;
        for_each_output(s.rows, s.columns, [&](std::size_t i, std::size_t j) {
            long double sum = 0;
            for (std::size_t c = 0; c < s.in_channels; ++c)
                for_each_tap(s.rows, s.columns, i, j, [&](std::size_t at, std::size_t tap) {
                    const long double by = weight[(channel * s.in_channels + c) * s.rows.taps * s.columns.taps + tap];
                    sum += by * static_cast<long double>(x[(first + c) * s.rows.size * s.columns.size + at]);
                });
            y.push_back(sum);
        });
    }
    return y;
}

template <class T>
void test_case(const WindowConvSizes& s, Execution execution, const std::string& label) {
    const std::size_t taps = s.rows.taps * s.columns.taps;
    const auto x = random_values<T>(s.batch * s.groups * s.in_channels * s.rows.size * s.columns.size, 1);
    const auto weight = random_values<T>(s.groups * s.out_channels * s.in_channels * taps, 2);
    const std::vector<long double> expected = expected_output(s, x, weight);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32 " : " float64 ") + label;
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> slid(expected.size(), nan), laid_out(expected.size(), nan);
    sliding_conv(s, x.data(), weight.data(), slid.data(), execution);
    check(largest_error(slid, expected) <= allowed<T>(taps * s.in_channels), what + ": sliding windows");
    im2win_conv(s, x.data(), weight.data(), laid_out.data(), execution);
    check(largest_error(laid_out, expected) <= allowed<T>(taps * s.in_channels), what + ": im2win");
}

// Patches of 4 outputs lose two digits to direct sums.
template <class T>
void test_winograd(WindowConvSizes s, std::size_t patch, Execution execution) {
    const auto x = random_values<T>(s.batch * s.in_channels * s.rows.size * s.columns.size, 1);
    const auto weight = random_values<T>(s.out_channels * s.in_channels * 9, 2);
    const std::vector<long double> expected = expected_output(s, x, weight);
    std::vector<T> y(expected.size(), std::numeric_limits<T>::quiet_NaN());
    winograd_conv({s, patch}, x.data(), weight.data(), y.data(), execution);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32 " : " float64 ");
    check(largest_error(y, expected) <= 30 * allowed<T>(9 * s.in_channels),
          what + "Winograd, patches of " + std::to_string(patch) + ", width " + std::to_string(s.columns.size));
}

const WindowConvSizes kWinogradCases[] = {
    {1, 1, 1, 1, axis(3, 3, 1, 1, 0, 0), axis(3, 3, 1, 1, 0, 0), 1, 1},
    {2, 1, 3, 7, axis(9, 3, 1, 1, 1, 1), axis(8, 3, 1, 1, 1, 1), 2, 3},
    {1, 1, 5, 13, axis(14, 3, 1, 1, 0, 2), axis(75, 3, 1, 1, 2, 1), 2, 17},
    {2, 1, 19, 6, axis(6, 3, 1, 1, 4, 0), axis(131, 3, 1, 1, 0, 5), 1, 33},
};

}  // namespace

void test_window_conv() {
    const struct {
        const char* label;
        WindowConvSizes sizes;
    } cases[] = {
        {"one pixel", {1, 1, 1, 1, axis(1, 1, 1, 1, 0, 0), axis(1, 1, 1, 1, 0, 0), 1, 1}},
        {"in place", {2, 1, 2, 3, axis(1, 1, 1, 1, 0, 0), axis(100, 9, 1, 1, 0, 0), 1, 46}},
        {"in place, in planes", {2, 2, 3, 7, axis(9, 3, 2, 1, 0, 0), axis(70, 5, 1, 2, 0, 0), 2, 62}},
        {"rows shorter than a vector", {2, 1, 3, 4, axis(9, 3, 1, 1, 1, 1), axis(7, 3, 1, 1, 1, 1), 4, 7}},
        {"ragged tiles", {1, 2, 3, 13, axis(23, 3, 1, 1, 1, 1), axis(131, 3, 1, 1, 1, 1), 5, 50}},
        {"stride", {2, 1, 3, 8, axis(20, 5, 2, 1, 2, 1), axis(67, 4, 3, 1, 0, 2), 4, 22}},
        {"stride beyond the kernel", {1, 1, 2, 2, axis(17, 2, 5, 1, 1, 0), axis(80, 1, 4, 1, 3, 0), 2, 9}},
        {"stride and dilation", {2, 3, 1, 2, axis(21, 3, 2, 3, 5, 1), axis(90, 4, 4, 2, 1, 7), 3, 24}},
        {"padding beyond the kernel", {1, 1, 1, 1, axis(4, 2, 1, 1, 7, 6), axis(5, 3, 2, 1, 9, 8), 16, 10}},
        {"many channels", {1, 1, 19, 17, axis(1, 1, 1, 1, 0, 0), axis(200, 3, 1, 1, 0, 0), 1, 198}},
    };
    for (const Isa isa : supported_isas())
        for (const auto& c : cases) {
            test_case<float>(c.sizes, {3, isa}, c.label);
            test_case<double>(c.sizes, {1, isa}, c.label);
        }
    for (const Isa isa : supported_isas())
        for (const WindowConvSizes& sizes : kWinogradCases)
            for (const std::size_t patch : {std::size_t{2}, std::size_t{4}}) {
                test_winograd<float>(sizes, patch, {3, isa});
                test_winograd<double>(sizes, patch, {1, isa});
            }
}

}  // namespace circulant::tests
