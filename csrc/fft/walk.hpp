// From the children of the root down the tree, something at the leaves, and up again: depth first, so
// that what fits a cache stays there.
#pragma once

#include "fft/leaf.hpp"
#include "fft/pass.hpp"

namespace circulant::CIRCULANT_ISA {

// Eight complex vectors fit 32 registers, four fit 16.
inline constexpr size_t kWidestRadix = CIRCULANT_VECTOR_BYTES == 64 ? 8 : 4;

// Subtrees of this many coefficients are walked level by level: 16 KiB, half a first cache.
template <class T>
inline constexpr size_t kBlock = 16384 / (2 * sizeof(T));

template <class T, class Leaf>
class Walk final {
public:
    Walk(const TreeView<T>& tree, T* data, const Leaf& leaf) : tree_(tree), data_(data), leaf_(leaf) {}

    void run() const {
        const size_t children = tree_.depth == 0 ? 1 : tree_.levels[0].radix;
        const size_t depth = tree_.depth == 0 ? 0 : 1;
        if (tree_.size <= kBlock<T> || (tree_.size / children) % kGroupSize != 0)
            return visit_block(depth, 0, children);
        for (size_t child = 0; child < children; ++child) visit(depth, child);
    }

private:
    static constexpr size_t kGroupSize = kGroup * kLanes<T>;  // coefficients

    void visit(size_t depth, size_t node) const {
        if (!splits(depth)) return visit_block(depth, node, 1);
        const Level<T>& level = tree_.levels[depth];
        if constexpr (Leaf::descends) pass<true>(level, node, 1, data_);
        for (size_t child = 0; child < level.radix; ++child) visit(depth + 1, node * level.radix + child);
        if constexpr (Leaf::ascends) pass<false>(level, node, 1, data_);
    }

    // Children that are not whole groups of leaves cannot be finished one by one.
    bool splits(size_t depth) const {
        if (depth == tree_.depth) return false;
        const Level<T>& level = tree_.levels[depth];
        return level.radix * level.child_size > kBlock<T> && level.child_size % kGroupSize == 0;
    }

    void visit_block(size_t depth, size_t first, size_t count) const {
        size_t end = depth;
        for (; end < tree_.depth; ++end) {
            if constexpr (Leaf::descends) pass<true>(tree_.levels[end], first, count, data_);
            first *= tree_.levels[end].radix;
            count *= tree_.levels[end].radix;
        }
        visit_leaves(first, count);
        while (end-- > depth) {
            first /= tree_.levels[end].radix;
            count /= tree_.levels[end].radix;
            if constexpr (Leaf::ascends) pass<false>(tree_.levels[end], first, count, data_);
        }
    }

    void visit_leaves(size_t first, size_t count) const {
        visit_groups(tree_, first / kGroup, (first + count + kGroup - 1) / kGroup, leaf_, data_);
    }

    const TreeView<T>& tree_;
    T* const data_;
    const Leaf leaf_;
};

template <class T, class Leaf>
void walk(const TreeView<T>& tree, T* data, const Leaf& leaf) {
    Walk<T, Leaf>(tree, data, leaf).run();
}

}  // namespace circulant::CIRCULANT_ISA
