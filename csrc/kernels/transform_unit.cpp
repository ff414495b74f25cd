// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/transform_passes.hpp"
#include "kernels/transform_products.hpp"
#include "kernels/transform_table.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
constexpr TransformTable<T> transform_table = {kLanes<T>, kWidestStage, transform_blocks<T>, multiply_pairs<T>,
                                               correlate_pairs<T>};

constexpr TransformUnit transform_unit = {transform_table<float>, transform_table<double>};

}  // namespace circulant::CIRCULANT_ISA
