// The sliding-window pooling against its definition.
#include <algorithm>
#include <limits>

#include "kernels/sliding_pool.hpp"
#include "tests/check.hpp"
#include "tests/windows.hpp"

namespace circulant::tests {

namespace {

template <class T>
std::vector<long double> expected_output(const SlidingPoolSizes& s, const std::vector<T>& x) {
    std::vector<long double> y;
    for (std::size_t plane = 0; plane < s.planes; ++plane)
        for_each_output(s.rows, s.columns, [&](std::size_t i, std::size_t j) {
            long double sum = 0, largest = -INFINITY;
            for_each_tap(s.rows, s.columns, i, j, [&](std::size_t at, std::size_t) {
                const auto value = static_cast<long double>(x[plane * s.rows.size * s.columns.size + at]);
                sum += value;
                largest = std::max(largest, value);
            });
            const auto taps = static_cast<long double>(s.rows.taps * s.columns.taps);
            y.push_back(s.mode == PoolMode::max ? largest : sum / taps);
        });
    return y;
}

template <class T>
void test_case(SlidingPoolSizes s, PoolMode mode, Execution execution, const std::string& label) {
    s.mode = mode;
    const auto x = random_values<T>(s.planes * s.rows.size * s.columns.size, 1);
    const std::vector<long double> expected = expected_output(s, x);
    std::vector<T> y(expected.size(), std::numeric_limits<T>::quiet_NaN());
    sliding_pool(s, x.data(), y.data(), execution);
    const std::string kind = mode == PoolMode::max ? " largest, " : " average, ";
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32" : " float64") + kind + label;
    check(largest_error(y, expected) <= (mode == PoolMode::max ? 0.0 : allowed<T>(1)), what);
}

}  // namespace

void test_sliding_pool() {
    constexpr PoolMode any = PoolMode::max;
    const struct {
        const char* label;
        SlidingPoolSizes sizes;
    } cases[] = {
        {"one pixel", {2, axis(1, 1, 1, 1, 0, 0), axis(1, 1, 1, 1, 0, 0), any, 1, 1}},
        {"series", {3, axis(1, 1, 1, 1, 0, 0), axis(200, 31, 1, 1, 15, 15), any, 1, 67}},
        {"series, stride", {2, axis(1, 1, 1, 1, 0, 0), axis(90, 6, 4, 1, 2, 3), any, 1, 10}},
        {"planes", {2, axis(20, 3, 2, 1, 1, 1), axis(37, 3, 2, 1, 1, 1), any, 4, 19}},
        {"wide windows, ragged tiles", {2, axis(23, 13, 1, 1, 6, 6), axis(41, 7, 1, 1, 3, 3), any, 5, 17}},
        {"window of the whole plane", {2, axis(9, 9, 1, 1, 0, 0), axis(17, 17, 1, 1, 0, 0), any, 1, 1}},
        {"even windows", {1, axis(16, 8, 8, 1, 4, 4), axis(33, 10, 3, 1, 5, 0), any, 3, 4}},
    };
    for (const Isa isa : supported_isas())
        for (const auto& c : cases)
            for (const PoolMode mode : {PoolMode::max, PoolMode::average}) {
                test_case<float>(c.sizes, mode, {3, isa}, c.label);
                test_case<double>(c.sizes, mode, {1, isa}, c.label);
            }
}

}  // namespace circulant::tests
