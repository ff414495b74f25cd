// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/linear_attention_rows.hpp"
#include "kernels/linear_attention_table.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
constexpr LinearAttentionTable<T> linear_attention_table = {
    kLanes<T>, kTileVectors * kLanes<T>, run_rows<T, Kind::attend>, run_rows<T, Kind::attend_by_value>,
    run_rows<T, Kind::solve>};

constexpr LinearAttentionUnit linear_attention_unit = {linear_attention_table<float>,
                                                       linear_attention_table<double>};

}  // namespace circulant::CIRCULANT_ISA
