// Depthwise convolution over one to three axes by FFT: the operands and results of depthwise_conv.hpp,
// with one output channel for each input channel.
//
// A volume is laid out as one long row with zeros between its lines, as many as the larger border needs:
// the border behind a line is the border before the next. The convolution is then one along that row.
#pragma once

#include <cstddef>
#include <optional>

#include "core/isa.hpp"
#include "fft/tree.hpp"
#include "kernels/depthwise_conv.hpp"

namespace circulant {

// What all calls of these sizes share. Immutable, so that threads may share it.
class DepthwiseFftPlan final {
public:
    // is_double: arithmetic in float64, else in float32.
    DepthwiseFftPlan(const DepthwiseSizes& sizes, bool is_double, Isa isa);

    const DepthwiseSizes& sizes() const { return sizes_; }
    Isa isa() const { return isa_; }

    // Samples of the long row.
    std::size_t samples() const { return samples_; }

    // Scratch of a call with so many threads; what it needs beyond operands and result.
    std::size_t workspace_bytes(std::size_t threads, DepthwiseSlot slot) const;

    // Throws unless the plan was made for that type.
    template <class T>
    const Tree<T>& tree() const;

private:
    DepthwiseSizes sizes_;
    Isa isa_;
    std::size_t samples_;
    std::optional<Tree<float>> single_;
    std::optional<Tree<double>> twice_;
};

template <class S>
void depthwise_fft_output(const DepthwiseFftPlan& plan, const S* x, const S* weight, S* y,
                          std::size_t threads);

template <class S>
void depthwise_fft_input_gradient(const DepthwiseFftPlan& plan, const S* g, const S* weight, S* gx,
                                  std::size_t threads);

template <class S>
void depthwise_fft_kernel_gradient(const DepthwiseFftPlan& plan, const S* x, const S* g, S* gw,
                                   std::size_t threads);

}  // namespace circulant
