#include "fft/tree.hpp"

#include <complex>

#include "fft/smooth.hpp"

namespace circulant {

namespace {

std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

// Long transforms have whole groups of leaves, so that they can be walked depth first.
std::size_t transform_size(std::size_t samples, std::size_t lanes) {
    const std::size_t needed = divide_up(samples, 2);
    const std::size_t unit = needed > 8 * lanes * lanes ? lanes * lanes : lanes;
    return unit * smooth_length(divide_up(needed, unit));
}

}  // namespace

template <class T>
Tree<T>::Tree(std::size_t samples, std::size_t lanes) : lanes_(lanes) {
    view_.size = transform_size(samples, lanes);
    view_.leaves = view_.size / lanes;
    view_.padded_leaves = divide_up(view_.leaves, lanes) * lanes;
    choose_radices();
    fill_roots();
}

// Odd radices come first, so that small subtrees are powers of two: whole groups of leaves.
template <class T>
void Tree<T>::choose_radices() {
    std::size_t nodes = 1;
    const auto split = [&](std::size_t radix) {
        const std::size_t child = view_.size / (nodes * radix);
        view_.levels[view_.depth++] = {radix, nodes, child, nullptr};
        nodes *= radix;
    };
    std::size_t rest = view_.leaves;
    for (std::size_t radix : {5, 3})
        for (; rest % radix == 0; rest /= radix) split(radix);
    for (std::size_t twos = rest; twos > 1;) {
        const std::size_t radix = twos % 4 == 0 ? 4 : 2;
        split(radix);
        twos /= radix;
    }
}

// Node q of a level of P nodes has c = exp(2 pi i (1 + 4 rank(q)) / (4 P)), rank being its
// digit-reversed place, so every root needed is a power of exp(2 pi i / (4 n)).
template <class T>
void Tree<T>::fill_node_roots(Level<T>& level, const std::vector<std::size_t>& rank, const Roots& root) {
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

template <class T>
void Tree<T>::fill_leaf_roots(const std::vector<std::size_t>& rank, const Roots& root) {
    leaf_roots_.assign(2 * view_.padded_leaves * (lanes_ - 1), T{0});
    for (std::size_t leaf = 0; leaf < view_.leaves; ++leaf) {
        T* group = leaf_roots_.data() + leaf / lanes_ * lanes_ * 2 * (lanes_ - 1) + leaf % lanes_;
        for (std::size_t k = 1; k < lanes_; ++k) {
            const std::complex<double> value = root(k * (1 + 4 * rank[leaf]));
            group[2 * (k - 1) * lanes_] = static_cast<T>(value.real());
            group[(2 * (k - 1) + 1) * lanes_] = static_cast<T>(value.imag());
        }
    }
    view_.leaf_roots = leaf_roots_.data();
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
