// What a stream tells the units compiled per instruction set: plain data.
//
// Rows, image by image, are taken in groups of as many as a vector has lanes; the last group is
// padded with rows of zeros.
#pragma once

#include <cstddef>

#include "kernels/long_conv_job.hpp"
#include "kernels/long_conv_stream_levels.hpp"
#include "kernels/long_conv_stream_program.hpp"

namespace circulant {

inline constexpr std::size_t kNearLags = 32;  // of one step of the near level

// A ring of samples for each row, one row after the other.
template <class T>
struct RowRings {
    T* data;
    std::size_t length, stride;
};

template <class T>
struct StreamArrays {
    std::size_t rows;
    std::size_t direct_taps, near_taps;  // of lags below kDirectTaps, and from there to kNearTaps
    std::size_t kernel_groups;           // groups whose taps are stored; then they repeat
    const T* taps;                       // [kernel group][kNearTaps][lane]
    T* recent;                           // [group][2 kRecent][lane]: every token twice, kRecent apart
    T* near;                             // [group][2 kNearBlock][lane]: outputs of the near level
    T* due;                              // [group][kFarBlock][lane]: outputs of all far levels
    RowRings<T> past;                    // inputs
    RowRings<T> ahead;                   // outputs of the far levels, summed
};

// One token of each row; gates may be null.
template <class S>
struct TokenJob {
    std::ptrdiff_t time;
    const S* x;
    const S* gate_in;
    const S* gate_out;
    S* y;
};

// A far level's share of the outputs of a block of one row.
template <class T>
struct FarJob {
    const TreeView<T>* tree;
    const T* spectrum;
    const T* past;  // a ring
    Placement window;
    T* ahead;  // where the block begins
    std::size_t block;
    T* data;  // a buffer of the transform, kept from step to step; its padding is zero
};

}  // namespace circulant
