#include "kernels/linear_attention.hpp"

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/linear_attention_table.hpp"

namespace circulant {

namespace {

std::size_t round_up(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

void check(const LinearAttentionSizes& s) {
    for (const std::size_t size : {s.rows, s.heads, s.length, s.keys, s.values})
        require(size > 0, "expected sizes of at least 1, got 0; return an empty result without this call");
    require(!s.solve || s.fading != Fading::value,
            "expected a solve whose state fades by keys, got fading by values; there is no such solve");
}

}  // namespace

template <class T>
void linear_attention(const LinearAttentionSizes& sizes, const LinearAttentionOperands<T>& operands, T* result,
                      Execution execution) {
    check(sizes);
    const LinearAttentionTable<T>& set = linear_attention_unit(execution.isa).of<T>();
    const LinearAttentionJob<T> job = {sizes, operands, result, round_up(sizes.keys, set.lanes),
                                       round_up(sizes.values, set.tile)};
    const LinearAttentionRun<T> run = sizes.solve                    ? set.solve
                                      : sizes.fading == Fading::value ? set.attend_by_value
                                                                      : set.attend;
    const double work = 4.0 * static_cast<double>(sizes.length * job.keys * job.values);
    parallel_ranges(useful_threads(execution.threads, sizes.rows, work), sizes.rows,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<T> scratch(block_scalars(sizes.keys, job.keys, job.values));
                        run(job, first, last, scratch.data());
                    });
}

template <class T>
std::size_t linear_attention_workspace(const LinearAttentionSizes& s) {
    constexpr std::size_t lanes = 64 / sizeof(T), tile = 2 * lanes;  // of the widest vectors
    return sizeof(T) * block_scalars(s.keys, round_up(s.keys, lanes), round_up(s.values, tile));
}

#define CIRCULANT_INSTANTIATE(T)                                                                              \
    template void linear_attention(const LinearAttentionSizes&, const LinearAttentionOperands<T>&, T*, Execution); \
    template std::size_t linear_attention_workspace<T>(const LinearAttentionSizes&)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);

}  // namespace circulant
