// Powers of exp(2 pi i / order) in double precision from two short tables.
#pragma once

#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <vector>

namespace circulant {

class Roots final {
public:
    explicit Roots(std::size_t order) {
        while ((std::size_t{1} << (2 * shift_)) < order) ++shift_;
        const std::size_t side = std::size_t{1} << shift_;
        const double angle = 2.0 * std::numbers::pi / static_cast<double>(order);
        for (std::size_t i = 0; i < side; ++i) {
            fine_.push_back(std::polar(1.0, angle * static_cast<double>(i)));
            coarse_.push_back(std::polar(1.0, angle * static_cast<double>((i << shift_) % order)));
        }
    }

    // power must be below the order.
    std::complex<double> operator()(std::size_t power) const {
        const std::complex<double> a = coarse_[power >> shift_];
        const std::complex<double> b = fine_[power & ((std::size_t{1} << shift_) - 1)];
        return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
    }

private:
    std::size_t shift_ = 0;
    std::vector<std::complex<double>> fine_, coarse_;
};

}  // namespace circulant
