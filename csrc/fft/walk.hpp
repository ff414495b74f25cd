// Down the tree, something at the leaves, and up again: depth first, so that what fits a cache stays.
#pragma once

#include "fft/leaf.hpp"
#include "fft/pass.hpp"

namespace circulant::CIRCULANT_ISA {

// Subtrees of this many coefficients are walked level by level: 16 KiB of float32, half a first cache.
inline constexpr size_t kBlock = 2048;

template <class T, class Leaf>
class Walk final {
public:
    Walk(const TreeView<T>& tree, T* data, const Leaf& leaf) : tree_(tree), data_(data), leaf_(leaf) {}

    void run() const { visit(0, 0); }

private:
    void visit(size_t depth, size_t node) const {
        if (!splits(depth)) return visit_block(depth, node);
        const Level<T>& level = tree_.levels[depth];
        if constexpr (Leaf::descends) pass<true>(level, node, 1, data_);
        for (size_t child = 0; child < level.radix; ++child) visit(depth + 1, node * level.radix + child);
        if constexpr (Leaf::ascends) pass<false>(level, node, 1, data_);
    }

    // Children that are not whole groups of leaves cannot be finished one by one.
    bool splits(size_t depth) const {
        if (depth == tree_.depth) return false;
        const Level<T>& level = tree_.levels[depth];
        return level.radix * level.child_size > kBlock && level.child_size % (kLanes<T> * kLanes<T>) == 0;
    }

    void visit_block(size_t depth, size_t node) const {
        size_t first = node, count = 1, end = depth;
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
        constexpr size_t lanes = kLanes<T>;
        for (size_t group = first / lanes; group * lanes < first + count; ++group)
            leaf_(data_, tree_.leaf_roots + group * 2 * lanes * (lanes - 1), group * kGroupScalars<T>);
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
