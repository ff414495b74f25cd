// Real rows times gains in the frequency domain, there and back while the rows are in cache.
#pragma once

#include "kernels/transform.hpp"

namespace circulant {

// Rows (batch, channels) of `forth`'s sizes; gains, pairs, one row for each channel or one for all.
struct SpectralFilterSizes {
    std::size_t batch, channels;
    bool shared;      // gains
    bool conjugated;  // gains, which gives the gradient of x
};

// y = back(gains forth(x)); `forth` is to_spectrum and `back` from_spectrum of the same sizes.
template <class T>
void spectral_filter(const TransformPlan<T>& forth, const TransformPlan<T>& back, const SpectralFilterSizes& sizes,
                     const T* x, const T* gains, T* y, std::size_t threads);

// (channels, coefficients): the adjoint of `back` on g times conj(forth(x)), summed over the batch in order.
template <class T>
void spectral_filter_gain_gradient(const TransformPlan<T>& forth, const TransformPlan<T>& back,
                                   const SpectralFilterSizes& sizes, const T* x, const T* g, T* gradient,
                                   std::size_t threads);

// Scratch of a call with so many threads.
template <class T>
std::size_t spectral_filter_workspace(const TransformPlan<T>& forth, const SpectralFilterSizes& sizes,
                                      bool gain_gradient, std::size_t threads);

}  // namespace circulant
