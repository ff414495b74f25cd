#include "kernels/long_conv_stream_program.hpp"

#include <algorithm>

namespace circulant {

namespace {

// Complex vectors of one step: enough to forget what a step costs by itself.
constexpr std::size_t kStepVectors = 32;
constexpr std::size_t kStepLeafGroups = 4;
// Vector instructions, counted in the sources: a complex vector through one level, a group of leaves
// there and back.
constexpr std::size_t kVectorWork = 12;
constexpr std::size_t kGroupWork = 200;

template <class T>
class Writer final {
public:
    Writer(const TreeView<T>& tree, std::size_t lanes) : tree_(tree), lanes_(lanes) {}

    std::vector<TransformStep> write() {
        const std::size_t children = tree_.levels[0].radix;
        butterflies(TransformPart::take_in, 0, 0, 1);
        if (fits_cache(tree_.size) || !is_whole(tree_.levels[0].child_size))
            visit_block(1, 0, children);
        else
            for (std::size_t child = 0; child < children; ++child) visit(1, child);
        butterflies(TransformPart::give_out, 0, 0, 1);
        return std::move(steps_);
    }

private:
    static bool fits_cache(std::size_t coefficients) { return 2 * coefficients * sizeof(T) <= 16384; }
    bool is_whole(std::size_t coefficients) const { return coefficients % (kGroup * lanes_) == 0; }

    bool splits(std::size_t depth) const {
        if (depth == tree_.depth) return false;
        const Level<T>& level = tree_.levels[depth];
        return !fits_cache(level.radix * level.child_size) && is_whole(level.child_size);
    }

    void visit(std::size_t depth, std::size_t node) {
        if (!splits(depth)) return visit_block(depth, node, 1);
        const std::size_t radix = tree_.levels[depth].radix;
        butterflies(TransformPart::down, depth, node, 1);
        for (std::size_t child = 0; child < radix; ++child) visit(depth + 1, node * radix + child);
        butterflies(TransformPart::up, depth, node, 1);
    }

    void visit_block(std::size_t depth, std::size_t first, std::size_t count) {
        std::size_t end = depth;
        for (; end < tree_.depth; ++end) {
            butterflies(TransformPart::down, end, first, count);
            first *= tree_.levels[end].radix;
            count *= tree_.levels[end].radix;
        }
        leaves(first, count);
        while (end-- > depth) {
            first /= tree_.levels[end].radix;
            count /= tree_.levels[end].radix;
            butterflies(TransformPart::up, end, first, count);
        }
    }

    void butterflies(TransformPart part, std::size_t depth, std::size_t node, std::size_t nodes) {
        const Level<T>& level = tree_.levels[depth];
        const std::size_t of_node = level.child_size / lanes_;
        append(part, depth, node * of_node, (node + nodes) * of_node,
               std::max<std::size_t>(1, kStepVectors / level.radix), level.radix * kVectorWork);
    }

    void leaves(std::size_t first, std::size_t count) {
        append(TransformPart::leaves, 0, first / kGroup, (first + count + kGroup - 1) / kGroup, kStepLeafGroups,
               kGroupWork);
    }

    void append(TransformPart part, std::size_t depth, std::size_t first, std::size_t last, std::size_t most,
                std::size_t work) {
        const auto narrow = [](std::size_t value) { return static_cast<std::uint32_t>(value); };
        for (; first < last; first += most) {
            const std::size_t count = std::min(most, last - first);
            steps_.push_back({part, narrow(depth), narrow(first), narrow(first + count), narrow(count * work)});
        }
    }

    const TreeView<T>& tree_;
    const std::size_t lanes_;
    std::vector<TransformStep> steps_;
};

}  // namespace

template <class T>
std::vector<TransformStep> transform_program(const TreeView<T>& tree, std::size_t lanes) {
    return Writer<T>(tree, lanes).write();
}

template std::vector<TransformStep> transform_program(const TreeView<float>&, std::size_t);
template std::vector<TransformStep> transform_program(const TreeView<double>&, std::size_t);

}  // namespace circulant
