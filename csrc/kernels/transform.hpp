// Fourier and cosine transforms over the last axes of contiguous rows; complex values are pairs of scalars.
//
// Lines along an axis are transformed side by side, one in each lane of the vectors: no value changes
// lanes but where lines lie one behind the other in memory. Two real lines are one complex line.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/isa.hpp"
#include "kernels/transform_fft.hpp"

namespace circulant {

// What a transform over the last axis does; over the other axes real families are complex.
enum class TransformFamily { to_spectrum, from_spectrum, complex, cosine, cosine_inverse };

struct TransformSizes {
    TransformFamily family;
    std::vector<std::size_t> sizes;
    bool positive;  // the sign of the exponent in the complex family
    double scale;   // of every result
    double middle;  // of bins of a half spectrum that stand for two
    std::size_t kept;  // bins of a half spectrum along the last axis, the first ones; the others are zero
};

// What all calls of these sizes share. Immutable, so that threads may share it.
template <class T>
class TransformPlan final {
public:
    TransformPlan(const TransformSizes& sizes, Isa isa);

    const TransformSizes& sizes() const { return sizes_; }
    Isa isa() const { return isa_; }
    std::size_t samples() const;        // scalars of a row of samples, two for each complex one
    std::size_t coefficients() const;   // scalars of a row of coefficients

    // Of the axis.
    const Fft<T>& fft(std::size_t axis) const { return *ffts_[axis]; }
    const T* turns(std::size_t axis) const { return turns_[axis].data(); }

    // Scratch of a call with so many threads; what it needs beyond operand and result.
    std::size_t workspace_bytes(std::size_t rows, std::size_t threads) const;

private:
    TransformSizes sizes_;
    Isa isa_;
    std::vector<std::shared_ptr<const Fft<T>>> ffts_;
    std::vector<std::vector<T>> turns_;  // cosines alone: a pair for each coefficient
};

template <class T>
void transform(const TransformPlan<T>& plan, std::size_t rows, const T* from, T* to, std::size_t threads);

extern template class TransformPlan<float>;
extern template class TransformPlan<double>;

}  // namespace circulant
