// Causal linear attention, and the triangular solve behind the delta rule.
//
//     S[t] = exp(g[t]) S[t-1] + k[t] v[t]^T,  y[t] = S[t]^T q[t]        attention
//     x[t] = v[t] - (exp(g[t]) S[t-1])^T q[t],  with x[t] in v[t]'s place in S    solve
//
// q, k (rows, length, keys), v and the result (rows, length, values), initial state (rows, keys, values)
// or null. g is null, or has a value for each head (row % heads), each step, each step and key, or each
// step and value. Strict attention reads exp(g[t]) S[t-1]. In reversed time steps run from the last to
// the first, each fading by the g of the step before it in that order. All contiguous.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"

namespace circulant {

enum class Fading { none, head, step, key, value };

struct LinearAttentionSizes {
    std::size_t rows, heads, length, keys, values;
    Fading fading;
    bool strict, reverse;
    bool solve;  // strict, and not fading by values
};

template <class T>
struct LinearAttentionOperands {
    const T* q;
    const T* k;
    const T* v;
    const T* log_decay;
    const T* initial;
};

template <class T>
void linear_attention(const LinearAttentionSizes& sizes, const LinearAttentionOperands<T>& operands, T* result,
                      Execution execution);

// Bytes of scratch memory of each thread.
template <class T>
std::size_t linear_attention_workspace(const LinearAttentionSizes& sizes);

}  // namespace circulant
