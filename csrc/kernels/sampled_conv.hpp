// Sampled (deformable) convolution over one to three axes, and its three gradients in one pass.
//
//     y[b, c, p] = sum_m a[b, g(c), m, p] x[b, c](stride p + dilation m - before + o[b, g(c), m, :, p])
//
// with x linear between samples and zero outside. x (batch, channels, *size), o (batch, groups, taps,
// ndim, *out), a (batch, groups, taps, *out) and y (batch, channels, *out) are contiguous; g(c) = c /
// (channels / groups). Results are written in full. Places must be exact in the type of the arithmetic.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"
#include "kernels/sampled_job.hpp"

namespace circulant {

struct SampledConvSizes {
    std::size_t batch, channels, groups;
    std::size_t block_channels;  // of a group that are sampled together; the gradients take all
    std::size_t ndim;
    SampledAxis depth, rows, columns;  // the first ones single where ndim is below 3
};

template <class S>
void sampled_output(const SampledConvSizes& sizes, const S* x, const S* offset, const S* modulation, S* y,
                    Execution execution);

template <class S>
struct SampledGradients {
    S* x;
    S* offset;
    S* modulation;
};

template <class S>
void sampled_gradients(const SampledConvSizes& sizes, const S* x, const S* offset, const S* modulation,
                       const S* g, const SampledGradients<S>& gradients, Execution execution);

// Bytes that each thread holds besides operands and results, for arithmetic in numbers of `itemsize`.
std::size_t sampled_output_scratch(const SampledConvSizes& sizes, std::size_t itemsize);
std::size_t sampled_gradients_scratch(const SampledConvSizes& sizes, std::size_t itemsize);

}  // namespace circulant
