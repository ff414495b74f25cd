// Sizes and roots of unity of one transform.
//
// The transform evaluates a real polynomial p of degree below 2n at the n roots of x^n = i. Those
// points and their conjugates are the roots of x^(2n) = -1, so a product of values is a real product
// of polynomials modulo x^(2n) + 1: a linear convolution, as long as what wraps around falls outside
// the samples that are kept. No real row is padded with a second one and none is transformed twice.
//
// A node of the tree holds p modulo x^m - c. With m = r m' it splits into r children modulo
// x^m' - c_j, where c_j are the r-th roots of c: one multiplication by powers of c^(1/r), the same
// for the whole node, then a plain butterfly of radix r. The leaves hold `lanes` coefficients each.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "fft/group.hpp"
#include "fft/roots.hpp"

namespace circulant {

inline constexpr std::size_t kMaxLevels = 64;

// One level of inner nodes. Counts are in complex values.
template <class T>
struct Level {
    std::size_t radix;
    std::size_t nodes;       // at this level
    std::size_t child_size;  // coefficients of each child
    const T* roots;          // node-major: (radix - 1) pairs re, im of the powers of c^(1/radix)
};

// Plain data, so that units compiled for different machines can share it.
template <class T>
struct TreeView {
    std::size_t size;           // n, a multiple of lanes
    std::size_t leaves;         // n / lanes
    std::size_t padded_leaves;  // leaves, rounded up to whole groups
    std::size_t depth;
    Level<T> levels[kMaxLevels];
    const T* leaf_roots;  // for each group of leaves: group_roots() pairs of vectors re, im
};

// Where a number was before registers and lanes changed places: `unit` lanes move together.
struct Place {
    std::size_t reg, lane;

    Place before_exchange(std::size_t radix, std::size_t unit) const {
        const std::size_t digit = lane / unit % radix;
        return {reg / radix * radix + digit, lane - digit * unit + reg % radix * unit};
    }
};

template <class T>
class Tree final {
public:
    // A transform that holds at least `samples` real samples (two per complex coefficient).
    // widest_radix: 4 or 8, what the machine's registers can hold.
    Tree(std::size_t samples, std::size_t lanes, std::size_t widest_radix);
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;

    const TreeView<T>& view() const { return view_; }

    // Scalars of one buffer of coefficients, padding included.
    std::size_t buffer_size() const { return 2 * view_.padded_leaves * lanes_; }

private:
    using Ranks = std::vector<std::size_t>;  // digit-reversed places of nodes

    void choose_radices(std::size_t widest_radix);
    void fill_roots();
    void fill_node_roots(Level<T>& level, const Ranks& rank, const Roots& root);
    void fill_leaf_roots(const Ranks& rank, const Roots& root);
    std::size_t stage_turn(std::size_t group, Place place, bool is_last, const Ranks& rank) const;

    std::size_t lanes_;
    TreeView<T> view_{};
    std::vector<std::vector<T>> node_roots_;
    std::unique_ptr<AlignedBuffer<T>> leaf_roots_;
};

extern template class Tree<float>;
extern template class Tree<double>;

}  // namespace circulant
