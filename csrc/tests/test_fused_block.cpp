// The fused residual block against its layers, one value at a time.
#include <algorithm>
#include <limits>

#include "kernels/fused_block.hpp"
#include "tests/check.hpp"
#include "tests/windows.hpp"

namespace circulant::tests {

namespace {

using Values = std::vector<long double>;

template <class T>
struct Block {
    FusedBlockSizes sizes;
    std::vector<T> x, conv, conv_bias, expand, expand_bias, project, project_bias;
};

template <class T>
Block<T> random_block(const FusedBlockSizes& s) {
    const std::size_t taps = s.taps * s.taps, mixed = s.channels * s.expanded;
    return {s,
            random_values<T>(s.batch * s.channels * s.height * s.width, 1),
            random_values<T>(s.channels * (s.channels / s.groups) * taps, 2),
            random_values<T>(s.channels, 3),
            random_values<T>(mixed, 4),
            random_values<T>(s.expanded, 5),
            random_values<T>(mixed, 6),
            random_values<T>(s.channels, 7)};
}

long double activated(BlockActivation activation, long double value) {
    if (activation == BlockActivation::silu) return value / (1 + std::exp(-value));
    const long double positive = std::max(value, 0.0L);
    return activation == BlockActivation::relu ? positive : std::min(positive, 6.0L);
}

// h of every channel at one position.
template <class T>
Values convolved(const Block<T>& b, std::size_t image, std::size_t i, std::size_t j) {
    const FusedBlockSizes& s = b.sizes;
    const WindowAxis rows = axis(s.height, s.taps, 1, 1, s.taps / 2, s.taps / 2);
    const WindowAxis columns = axis(s.width, s.taps, 1, 1, s.taps / 2, s.taps / 2);
    const std::size_t width = s.channels / s.groups;
    Values h;
    for (std::size_t c = 0; c < s.channels; ++c) {
        long double sum = b.conv_bias[c];
        for (std::size_t k = 0; k < width; ++k)
            for_each_tap(rows, columns, i, j, [&](std::size_t at, std::size_t tap) {
                const std::size_t plane = image * s.channels + c / width * width + k;
                sum += static_cast<long double>(b.conv[(c * width + k) * s.taps * s.taps + tap]) *
                       static_cast<long double>(b.x[plane * s.height * s.width + at]);
            });
        h.push_back(sum);
    }
    return h;
}

template <class T>
Values mixed(const std::vector<T>& weight, const std::vector<T>& bias, const Values& values) {
    Values result(bias.begin(), bias.end());
    for (std::size_t o = 0; o < result.size(); ++o)
        for (std::size_t c = 0; c < values.size(); ++c)
            result[o] += static_cast<long double>(weight[o * values.size() + c]) * values[c];
    return result;
}

template <class T>
Values expected_output(const Block<T>& b) {
    const FusedBlockSizes& s = b.sizes;
    const std::size_t plane = s.height * s.width;
    Values y(b.x.begin(), b.x.end());
    for (std::size_t image = 0; image < s.batch; ++image)
        for (std::size_t at = 0; at < plane; ++at) {
            Values e = mixed(b.expand, b.expand_bias, convolved(b, image, at / s.width, at % s.width));
            for (long double& value : e) value = activated(s.activation, value);
            const Values projected = mixed(b.project, b.project_bias, e);
            for (std::size_t c = 0; c < s.channels; ++c) y[(image * s.channels + c) * plane + at] += projected[c];
        }
    return y;
}

template <class T>
void test_case(const FusedBlockSizes& s, Execution execution, const std::string& label) {
    const Block<T> b = random_block<T>(s);
    const Values expected = expected_output(b);
    std::vector<T> y(b.x.size(), std::numeric_limits<T>::quiet_NaN());
    fused_block<T>(s, b.x.data(),
                   {b.conv.data(), b.conv_bias.data(), b.expand.data(), b.expand_bias.data(), b.project.data(),
                    b.project_bias.data()},
                   y.data(), execution);
    long double largest = 0;
    for (const long double value : expected) largest = std::max(largest, std::abs(value));
    const double relative = sizeof(T) == 4 ? 1e-5 : 1e-13;
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32 " : " float64 ") + label;
    check(largest_error(y, expected) <= relative * static_cast<double>(largest), what);
}

}  // namespace

void test_fused_block() {
    const struct {
        const char* label;
        FusedBlockSizes sizes;
    } cases[] = {
        {"one pixel", {1, 1, 1, 1, 1, 1, 3, BlockActivation::relu, 1, 1}},
        {"one tile", {2, 8, 1, 32, 7, 7, 3, BlockActivation::silu, 7, 7}},
        {"rows of tiles", {1, 12, 3, 20, 13, 20, 3, BlockActivation::relu6, 4, 20}},
        {"ragged tiles", {2, 6, 2, 13, 11, 37, 5, BlockActivation::relu, 3, 16}},
        {"narrow tiles", {1, 4, 4, 9, 9, 40, 3, BlockActivation::silu, 2, 7}},
        {"pointwise", {1, 5, 1, 7, 6, 19, 1, BlockActivation::silu, 6, 19}},
    };
    for (const Isa isa : supported_isas())
        for (const auto& c : cases) {
            test_case<float>(c.sizes, {3, isa}, c.label);
            test_case<double>(c.sizes, {1, isa}, c.label);
        }
}

}  // namespace circulant::tests
