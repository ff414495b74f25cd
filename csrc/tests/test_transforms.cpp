// The transform against naive evaluation of the polynomial, in long double precision.
#include <complex>
#include <numbers>
#include <set>

#include "core/aligned_buffer.hpp"
#include "fft/smooth.hpp"
#include "fft/tree.hpp"
#include "tests/check.hpp"
#include "tests/fft_probe.hpp"

namespace circulant::tests {

namespace {

using Number = std::complex<long double>;
using Values = std::vector<Number>;
constexpr long double kPi = std::numbers::pi_v<long double>;

template <class T>
class Transform final {
public:
    Transform(std::size_t samples, Isa isa)
        : probe_(probe_unit(isa).of<T>()),
          lanes_(probe_.lanes),
          tree_(samples, probe_.lanes, probe_.widest_radix),
          data_(tree_.buffer_size()) {}

    std::size_t size() const { return tree_.view().size; }

    Values values(const std::vector<T>& row) const {
        const Placement place{row.size(), 0, 0, row.size()};
        probe_.evaluate(tree_.view(), row.data(), place, data_.data());
        Values result;
        for (std::size_t leaf = 0; leaf < tree_.view().padded_leaves; ++leaf)
            for (std::size_t lane = 0; lane < lanes_; ++lane) {
                const T* vector = data_.data() + 2 * lanes_ * leaf;
                if (holds_value(leaf, lane)) result.emplace_back(vector[lane], vector[lanes_ + lane]);
            }
        return result;
    }

    // Of the values last computed.
    std::vector<T> row_again() const {
        std::vector<T> row(2 * size());
        probe_.interpolate(tree_.view(), data_.data(), row.size(), row.data());
        return row;
    }

private:
    // The last group's values of leaves that are padding only.
    bool holds_value(std::size_t reg, std::size_t lane) const {
        const std::size_t in_block = block_lanes(sizeof(T), lanes_), blocks = lanes_ / in_block;
        const Place last = Place{reg % kGroup, lane}.before_exchange(in_block, 1);
        const Place first = last.before_exchange(blocks, in_block);
        return reg / kGroup * kGroup + first.reg < tree_.view().leaves;
    }

    const Probe<T>& probe_;
    std::size_t lanes_;
    Tree<T> tree_;
    AlignedBuffer<T> data_;
};

// The values of the polynomial x are the points themselves; this gives their numbers j, as each is
// exp(2 pi i (1 + 4 j) / (4 n)).
std::vector<std::size_t> point_numbers(const Values& points) {
    const auto n = static_cast<long double>(points.size());
    std::vector<std::size_t> numbers;
    for (const Number point : points) {
        const long double turns = std::arg(point) / (2 * kPi);
        const long double number = (turns * 4 * n - 1) / 4;
        numbers.push_back(static_cast<std::size_t>(std::llround(number + n) % std::llround(n)));
    }
    return numbers;
}

// Powers of exp(2 pi i / order).
Values roots_of_unity(std::size_t order) {
    Values powers;
    for (std::size_t power = 0; power < order; ++power) {
        const auto turns = static_cast<long double>(power) / static_cast<long double>(order);
        powers.push_back(std::polar<long double>(1, 2 * kPi * turns));
    }
    return powers;
}

template <class T>
void test_transform(std::size_t samples, Isa isa) {
    const Transform<T> transform(samples, isa);
    const std::size_t n = transform.size();
    const std::string what = name(isa) + (sizeof(T) == 4 ? " float32" : " float64") + " transform of " +
                             std::to_string(2 * n) + " samples: ";
    std::vector<T> identity(2 * n);
    identity[1] = 1;
    const std::vector<std::size_t> numbers = point_numbers(transform.values(identity));
    check(numbers.size() == n && std::set<std::size_t>(numbers.begin(), numbers.end()).size() == n,
          what + "its points are all the roots of x^n = i");

    const std::vector<T> row = random_values<T>(2 * n, static_cast<unsigned>(samples));
    const Values values = transform.values(row);
    const Values powers = roots_of_unity(4 * n);
    double worst = 0;
    for (std::size_t slot = 0; slot < n; ++slot) {
        Number expected = 0;
        for (std::size_t p = 0; p < 2 * n; ++p) {
            const std::size_t turn = (1 + 4 * numbers[slot]) * p % (4 * n);
            expected += powers[turn] * static_cast<long double>(row[p]);
        }
        worst = std::max(worst, static_cast<double>(std::abs(values[slot] - expected)));
    }
    check(worst <= allowed<T>(2 * n), what + "values differ by " + std::to_string(worst));
    const std::vector<T> again = transform.row_again();
    const double error = largest_error(again, std::vector<long double>(row.begin(), row.end()));
    check(error <= allowed<T>(1), what + "the way back differs by " + std::to_string(error));
}

}  // namespace

void test_smooth_lengths() {
    for (std::size_t length = 1; length <= 2000; ++length) {
        const auto is_smooth = [](std::size_t candidate) {
            for (std::size_t prime : {2, 3, 5})
                while (candidate % prime == 0) candidate /= prime;
            return candidate == 1;
        };
        std::size_t expected = length;
        while (!is_smooth(expected)) ++expected;
        check(smooth_length(length) == expected, "smooth length of " + std::to_string(length));
    }
}

void test_transforms() {
    for (const Isa isa : supported_isas()) {
        // Up to 2,000 samples every mixture of radices occurs; 9,000 is walked depth first.
        for (std::size_t samples :
             {1, 2, 31, 32, 33, 60, 64, 90, 150, 192, 320, 450, 750, 1000, 1500, 2000, 9000}) {
            test_transform<float>(samples, isa);
            test_transform<double>(samples, isa);
        }
    }
}

}  // namespace circulant::tests
