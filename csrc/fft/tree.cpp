#include "fft/tree.hpp"

#include <complex>

#include "fft/smooth.hpp"

namespace circulant {

namespace {

std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

// Long transforms have whole groups of leaves, so that they can be walked depth first.
std::size_t transform_size(std::size_t samples, std::size_t lanes) {
    const std::size_t needed = divide_up(samples, 2);
    const std::size_t unit = needed > 32 * lanes ? kGroup * lanes : lanes;
    return unit * smooth_length(divide_up(needed, unit));
}

}  // namespace

template <class T>
Tree<T>::Tree(std::size_t samples, std::size_t lanes, std::size_t widest_radix) : lanes_(lanes) {
    view_.size = transform_size(samples, lanes);
    view_.leaves = view_.size / lanes;
    view_.padded_leaves = divide_up(view_.leaves, kGroup) * kGroup;
    choose_radices(widest_radix);
    fill_roots();
}

// Odd radices come first, so that small subtrees are powers of two: whole groups of leaves.
template <class T>
void Tree<T>::choose_radices(std::size_t widest_radix) {
    std::size_t nodes = 1;
    const auto split = [&](std::size_t radix) {
        const std::size_t child = view_.size / (nodes * radix);
        view_.levels[view_.depth++] = {radix, nodes, child, nullptr};
        nodes *= radix;
    };
    std::size_t rest = view_.leaves;
    for (std::size_t radix : {5, 3})
        for (; rest % radix == 0; rest /= radix) split(radix);
    while (rest > 1) {
        // Four first where that leaves a power of eight, and two only where nothing else is left.
        std::size_t radix = rest == 2 ? 2 : 4;
        if (widest_radix == 8) {
            std::size_t bits = 0;
            while ((std::size_t{1} << bits) < rest) ++bits;
            radix = bits % 3 == 0 ? 8 : radix;
        }
        split(radix);
        rest /= radix;
    }
}

// Node q of a level of P nodes has c = exp(2 pi i (1 + 4 rank(q)) / (4 P)), rank being its
// digit-reversed place, so every root needed is a power of exp(2 pi i / (4 n)).
template <class T>
void Tree<T>::fill_node_roots(Level<T>& level, const Ranks& rank, const Roots& root) {
    std::vector<T> table;
    table.reserve(2 * level.nodes * (level.radix - 1));
    for (std::size_t node = 0; node < level.nodes; ++node)
        for (std::size_t k = 1; k < level.radix; ++k) {
            const std::size_t turn = (1 + 4 * rank[node]) * level.child_size;  // of c^(1/radix)
            const std::complex<double> value = root(k * turn % (4 * view_.size));
            table.push_back(static_cast<T>(value.real()));
            table.push_back(static_cast<T>(value.imag()));
        }
    level.roots = node_roots_.emplace_back(std::move(table)).data();
}

// The root by which a group's register and lane are turned: before the stage over the blocks of 128
// bits, or before the last one, over the places in a block.
template <class T>
std::size_t Tree<T>::stage_turn(std::size_t group, Place place, bool is_last, const Ranks& rank) const {
    const std::size_t in_block = block_lanes(sizeof(T), lanes_), blocks = lanes_ / in_block;
    const std::size_t power = place.reg % (is_last ? in_block : blocks);
    if (is_last) place = place.before_exchange(in_block, 1);
    const std::size_t child = place.reg % blocks;
    const std::size_t leaf = group * kGroup + place.before_exchange(blocks, in_block).reg;
    if (leaf >= view_.leaves) return 0;
    const std::size_t turn =
        is_last ? 1 + 4 * (rank[leaf] + view_.leaves * child) : (1 + 4 * rank[leaf]) * in_block;
    return power * turn % (4 * view_.size);
}

template <class T>
void Tree<T>::fill_leaf_roots(const Ranks& rank, const Roots& root) {
    const std::size_t in_block = block_lanes(sizeof(T), lanes_), blocks = lanes_ / in_block;
    const std::size_t groups = view_.padded_leaves / kGroup;
    leaf_roots_ = std::make_unique<AlignedBuffer<T>>(groups * 2 * lanes_ * group_roots(sizeof(T), lanes_));
    T* to = leaf_roots_->data();
    for (std::size_t group = 0; group < groups; ++group)
        for (const bool is_last : {false, true})
            for (std::size_t reg = 0; reg < kGroup; ++reg) {
                if (reg % (is_last ? in_block : blocks) == 0) continue;
                for (std::size_t lane = 0; lane < lanes_; ++lane) {
                    const std::complex<double> value = root(stage_turn(group, {reg, lane}, is_last, rank));
                    to[lane] = static_cast<T>(value.real());
                    to[lanes_ + lane] = static_cast<T>(value.imag());
                }
                to += 2 * lanes_;
            }
    view_.leaf_roots = leaf_roots_->data();
}

template <class T>
void Tree<T>::fill_roots() {
    const Roots root(4 * view_.size);
    std::vector<std::size_t> rank{0};
    for (std::size_t depth = 0; depth < view_.depth; ++depth) {
        Level<T>& level = view_.levels[depth];
        fill_node_roots(level, rank, root);
        std::vector<std::size_t> child_rank;
        child_rank.reserve(level.nodes * level.radix);
        for (std::size_t node = 0; node < level.nodes; ++node)
            for (std::size_t k = 0; k < level.radix; ++k) child_rank.push_back(rank[node] + level.nodes * k);
        rank.swap(child_rank);
    }
    fill_leaf_roots(rank, root);
}

template class Tree<float>;
template class Tree<double>;

}  // namespace circulant
