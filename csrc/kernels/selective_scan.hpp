// Selective scan (a diagonal state space model whose parameters change with time), and its gradients.
//
//     h[b, c, n, l] = exp(d[b, c, l] A[c, n]) h[b, c, n, l-1] + d[b, c, l] B[b, g, n, l] u[b, c, l]
//     y[b, c, l]    = sum_n C[b, g, n, l] h[b, c, n, l],   g = c / (channels / groups)
//
// u, d and y (batch, channels, length), A (channels, state), B and C (batch, groups, state, length),
// initial and last states (batch, channels, state). The states of all steps are never written out: the
// gradients compute them again, chunk by chunk. A, states, results and gradients are in the type of the
// arithmetic. Results lie one behind another: y, last state; gradients of u, d, A, B, C, initial state.
#pragma once

#include <cstddef>

#include "core/storage.hpp"
#include "kernels/execution.hpp"

namespace circulant {

struct SelectiveSizes {
    std::size_t batch, channels, groups, state, length;
    std::size_t chunk;  // steps whose states the gradients keep at once
};

template <class S>
struct SelectiveOperands {
    const S* u;
    const S* delta;
    const Arithmetic<S>* a;
    const S* b;
    const S* c;
    const Arithmetic<S>* initial;
};

template <class S>
void selective_scan(const SelectiveSizes& sizes, const SelectiveOperands<S>& operands, Arithmetic<S>* result,
                    Execution execution);

// y_gradient like u, state_gradient like the last state.
template <class S>
void selective_scan_gradients(const SelectiveSizes& sizes, const SelectiveOperands<S>& operands,
                              const Arithmetic<S>* y_gradient, const Arithmetic<S>* state_gradient,
                              Arithmetic<S>* result, Execution execution);

}  // namespace circulant
