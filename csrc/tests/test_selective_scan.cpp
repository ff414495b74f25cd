// The selective scan against its equation, and its gradients against differences of that equation.
#include <cmath>
#include <limits>

#include "kernels/selective_scan.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

using Values = std::vector<long double>;

// Operands in the order of the core: u, delta, A, B, C, initial state; then cotangents of y and of the
// last state.
template <class T>
struct Case {
    SelectiveSizes sizes;
    std::vector<T> parts[8];

    SelectiveOperands<T> operands() const {
        return {parts[0].data(), parts[1].data(), parts[2].data(), parts[3].data(), parts[4].data(), parts[5].data()};
    }
};

template <class T>
Case<T> random_case(const SelectiveSizes& s) {
    const std::size_t row = s.batch * s.channels * s.length, factor = s.channels * s.state;
    const std::size_t shared = s.batch * s.groups * s.state * s.length, state = s.batch * factor;
    const std::size_t sizes[8] = {row, row, factor, shared, shared, state, row, state};
    Case<T> drawn = {s, {}};
    for (unsigned part = 0; part < 8; ++part) drawn.parts[part] = random_values<T>(sizes[part], part + 1);
    for (T& value : drawn.parts[1]) value = std::abs(value) / 4;
    for (T& value : drawn.parts[2]) value = -std::abs(value);
    return drawn;
}

// y and the last state, by the equation.
Values equation(const SelectiveSizes& s, const Values (&parts)[8]) {
    const std::size_t inputs = s.batch * s.channels * s.length;
    Values result(inputs + s.batch * s.channels * s.state);
    for (std::size_t row = 0; row < s.batch * s.channels; ++row)
        for (std::size_t n = 0; n < s.state; ++n) {
            const std::size_t image = row / s.channels, channel = row % s.channels;
            const std::size_t group = image * s.groups + channel / (s.channels / s.groups);
            long double h = parts[5][row * s.state + n];
            for (std::size_t l = 0; l < s.length; ++l) {
                const std::size_t at = row * s.length + l, shared = (group * s.state + n) * s.length + l;
                const long double delta = parts[1][at];
                h = std::exp(delta * parts[2][channel * s.state + n]) * h + delta * parts[3][shared] * parts[0][at];
                result[at] += parts[4][shared] * h;
            }
            result[inputs + row * s.state + n] = h;
        }
    return result;
}

// The sum of the cotangents times the results.
long double weighted(const SelectiveSizes& s, const Values (&parts)[8]) {
    const Values result = equation(s, parts);
    long double total = 0;
    for (std::size_t i = 0; i < parts[6].size(); ++i) total += parts[6][i] * result[i];
    for (std::size_t i = 0; i < parts[7].size(); ++i) total += parts[7][i] * result[parts[6].size() + i];
    return total;
}

Values differences(const SelectiveSizes& s, Values (&parts)[8]) {
    constexpr long double step = 1e-6L;
    Values gradients;
    for (int part = 0; part < 6; ++part)
        for (long double& value : parts[part]) {
            const long double before = value;
            value = before + step;
            const long double above = weighted(s, parts);
            value = before - step;
            gradients.push_back((above - weighted(s, parts)) / (2 * step));
            value = before;
        }
    return gradients;
}

template <class T>
void test_case(const SelectiveSizes& s, Execution execution) {
    const Case<T> c = random_case<T>(s);
    Values parts[8];
    for (int part = 0; part < 8; ++part) parts[part].assign(c.parts[part].begin(), c.parts[part].end());
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32, " : " float64, ") +
                             std::to_string(s.channels) + " channels, " + std::to_string(s.length) + " steps";
    const Values expected = equation(s, parts), slopes = differences(s, parts);
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> result(expected.size(), nan), gradients(slopes.size(), nan);
    selective_scan(s, c.operands(), result.data(), execution);
    selective_scan_gradients(s, c.operands(), c.parts[6].data(), c.parts[7].data(), gradients.data(), execution);
    const double bound = allowed<T>(10 * s.state * s.length);
    check(largest_error(result, expected) <= bound, "selective scan: " + what);
    // the differences leave out the third derivative times the step squared
    check(largest_error(gradients, slopes) <= 4 * bound + 1e-9, "selective scan, gradients: " + what);
}

}  // namespace

void test_selective_scan() {
    const SelectiveSizes cases[] = {
        {1, 1, 1, 1, 1, 16}, {2, 3, 1, 2, 5, 16}, {1, 17, 1, 2, 18, 16}, {2, 6, 3, 3, 7, 16}, {1, 4, 2, 2, 35, 16},
    };
    for (const Isa isa : supported_isas())
        for (const SelectiveSizes& sizes : cases) {
            test_case<float>(sizes, {3, isa});
            test_case<double>(sizes, {1, isa});
        }
}

}  // namespace circulant::tests
