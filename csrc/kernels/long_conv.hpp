// Long depthwise convolution of any length along one axis, and its gradients, by FFT.
//
//     y[b, c, l] = sum_m k[c, m] x[b, c, l + shift - m]
//
// with x zero outside 0 .. length - 1, or indices modulo length when circular. x, y, g (batch,
// channels, length) and k (channels, taps) are contiguous; results are written in full.
#pragma once

#include <cstddef>
#include <optional>

#include "core/isa.hpp"
#include "core/storage.hpp"
#include "fft/tree.hpp"

namespace circulant {

struct LongConvSizes {
    std::size_t batch, channels, length, taps, shift;
    bool circular;
};

// What all calls of these sizes share: the transform, whose roots take longer to find than a row to
// convolve. Immutable, so that threads may share it.
class LongConvPlan final {
public:
    // is_double: arithmetic in float64, else in float32. block: samples that one transform holds at least, of
    // which all but the taps' are new; 0 for one transform of the whole row.
    LongConvPlan(const LongConvSizes& sizes, bool is_double, Isa isa, std::size_t block = 0);

    const LongConvSizes& sizes() const { return sizes_; }
    Isa isa() const { return isa_; }
    std::size_t transform_size() const { return single_ ? single_->view().size : twice_->view().size; }
    bool is_whole() const { return block_ == 0; }

    // Scratch of a call with so many threads; what it needs beyond operands and result.
    std::size_t workspace_bytes(std::size_t threads, std::size_t buffers) const;

    // Numbers of the arithmetic's type that the spectrum of one kernel takes.
    std::size_t spectrum_scalars() const { return single_ ? single_->buffer_size() : twice_->buffer_size(); }

    // Throws unless the plan was made for that type.
    template <class T>
    const Tree<T>& tree() const;

private:
    LongConvSizes sizes_;
    Isa isa_;
    std::size_t block_;
    std::optional<Tree<float>> single_;
    std::optional<Tree<double>> twice_;
};

// y = gate_out (k * (gate_in x)); the skip of a channel is added to its tap of no lag. A correlation
// takes the kernel backwards: the gradient of x from that of y. Gates and skip may be null.
template <class S>
struct LongConvOperands {
    const S* x;
    const S* kernel;
    const S* skip;
    const S* gate_in;
    const S* gate_out;
    const Arithmetic<S>* spectra = nullptr;  // of long_conv_spectra: takes the place of kernel and skip
};

// For kernels that do not change: what a call would find anew, plan.spectrum_scalars() for each channel.
template <class S>
void long_conv_spectra(const LongConvPlan& plan, const S* kernel, const S* skip, Arithmetic<S>* spectra,
                       std::size_t threads);

template <class S>
void long_conv_output(const LongConvPlan& plan, const LongConvOperands<S>& operands, S* y,
                      std::size_t threads);

// gx[b, c, j] = sum_m k[c, m] g[b, c, j - shift + m]
template <class S>
void long_conv_input_gradient(const LongConvPlan& plan, const S* g, const S* kernel, S* gx,
                              std::size_t threads);

// gk[c, m] = sum_{b, l} g[b, c, l] x[b, c, l + shift - m]
template <class S>
void long_conv_kernel_gradient(const LongConvPlan& plan, const S* x, const S* g, S* gk, std::size_t threads);

// Both at once, in three transforms a row instead of four.
template <class S>
void long_conv_gradients(const LongConvPlan& plan, const S* x, const S* kernel, const S* g, S* gx, S* gk,
                         std::size_t threads);

}  // namespace circulant
