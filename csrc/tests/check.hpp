// A minimal test program: named checks, counted, reported on standard error.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace circulant::tests {

inline int failures = 0;

inline void check(bool holds, const std::string& what) {
    if (holds) return;
    ++failures;
    std::fprintf(stderr, "FAILED: %s\n", what.c_str());
}

template <class T>
std::vector<T> random_values(std::size_t count, unsigned seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(normal(generator));
    return values;
}

// Largest difference; NaN counts as infinite, so an element that was not written is found.
template <class T>
double largest_error(const std::vector<T>& got, const std::vector<long double>& expected) {
    double worst = got.size() == expected.size() ? 0.0 : INFINITY;
    for (std::size_t i = 0; i < got.size() && i < expected.size(); ++i) {
        const auto error = static_cast<double>(std::abs(static_cast<long double>(got[i]) - expected[i]));
        if (!(error <= worst)) worst = std::isnan(error) ? INFINITY : error;
    }
    return worst;
}

// A sum of `terms` products of standard normal numbers, rounded at every step, stays well within it.
template <class T>
double allowed(std::size_t terms) {
    const double epsilon = sizeof(T) == 4 ? 6e-8 : 1.1e-16;
    return 40.0 * epsilon * std::sqrt(static_cast<double>(terms) + 1.0);
}

void test_smooth_lengths();
void test_transforms();
void test_long_conv();
void test_depthwise_conv();
void test_local_conv();
void test_sampled_conv();
void test_gathered_conv();
void test_window_conv();
void test_sliding_pool();
void test_fused_block();
void test_inverse_conv();
void test_recurrence();
void test_selective_scan();
void test_linear_attention();
void test_line_transforms();
void test_long_conv_stream();
void test_threads();
void test_instruction_sets();

}  // namespace circulant::tests
