// The product of one row with a spectrum, cut into steps of some fifty butterflies: down the tree, the
// leaves, and up again. A row that is not finished at one token is gone on with at the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fft/tree.hpp"

namespace circulant {

enum class TransformPart : std::uint32_t { take_in, down, leaves, up, give_out };

struct TransformStep {
    TransformPart part;
    std::uint32_t depth;        // of the level, for down and up
    std::uint32_t first, last;  // butterflies of the level, or groups of leaves
    std::uint32_t work;         // vector instructions, roughly
};

// The tree must have a level. Depth first: subtrees that fit a first cache are finished one by one.
template <class T>
std::vector<TransformStep> transform_program(const TreeView<T>& tree, std::size_t lanes);

extern template std::vector<TransformStep> transform_program(const TreeView<float>&, std::size_t);
extern template std::vector<TransformStep> transform_program(const TreeView<double>&, std::size_t);

}  // namespace circulant
