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
    Transform(std::size_t samples, Isa isa, std::size_t lanes)
        : tree_(samples, lanes), lanes_(lanes), data_(tree_.buffer_size()), probe_(probe_unit(isa).of<T>()) {}

    std::size_t size() const { return tree_.view().size; }

    Values values(const std::vector<T>& row) const {
        const Placement place{row.size(), 0, 0, row.size()};
        probe_.evaluate(tree_.view(), row.data(), place, data_.data());
        Values result;
        const std::size_t groups = tree_.view().padded_leaves / lanes_;
        for (std::size_t group = 0; group < groups; ++group)
            for (std::size_t k = 0; k < lanes_; ++k)
                for (std::size_t lane = 0; lane < lanes_; ++lane) {
                    if (group * lanes_ + lane >= tree_.view().leaves) break;
                    const T* vector = data_.data() + 2 * lanes_ * (group * lanes_ + k);
                    result.emplace_back(vector[lane], vector[lanes_ + lane]);
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
    Tree<T> tree_;
    std::size_t lanes_;
    AlignedBuffer<T> data_;
    const Probe<T>& probe_;
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
void test_transform(std::size_t samples, Isa isa, std::size_t lanes) {
    const Transform<T> transform(samples, isa, lanes);
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
        const std::size_t bytes = isa == Isa::avx512 ? 64 : isa == Isa::avx2 ? 32 : 16;
        // Up to 2,000 samples every mixture of radices occurs; 9,000 is walked depth first.
        for (std::size_t samples :
             {1, 2, 31, 32, 33, 60, 64, 90, 150, 192, 320, 450, 750, 1000, 1500, 2000, 9000}) {
            test_transform<float>(samples, isa, bytes / sizeof(float));
            test_transform<double>(samples, isa, bytes / sizeof(double));
        }
    }
}

}  // namespace circulant::tests
