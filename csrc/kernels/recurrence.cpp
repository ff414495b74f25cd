#include "kernels/recurrence.hpp"

#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/recurrence_table.hpp"

namespace circulant {

namespace {

constexpr double kWorkPerScalar = 8.0;  // a step, and the moves of three transposes

}  // namespace

template <class S>
void recurrence(const RecurrenceSizes& sizes, const S* a, const S* x, const S* initial, S* h, Execution execution) {
    for (const std::size_t size : {sizes.batch, sizes.channels, sizes.length})
        require(size > 0, "expected sizes of at least 1, got 0; return an empty result without this call");
    const RecurrenceTable<S>& set = recurrence_unit(execution.isa).of<S>();
    const RecurrenceJob<S> job = {.rows = sizes.batch * sizes.channels,
                                  .channels = sizes.channels,
                                  .row_scalars = sizes.length * (sizes.complex ? 2 : 1),
                                  .a = a,
                                  .x = x,
                                  .initial = initial,
                                  .h = h};
    const RecurrenceRun<S> run = set.run[sizes.varying][sizes.complex][sizes.adjoint];
    const std::size_t groups = (job.rows + set.lanes - 1) / set.lanes;
    const double work = kWorkPerScalar * static_cast<double>(set.lanes * job.row_scalars);
    parallel_ranges(useful_threads(execution.threads, groups, work), groups,
                    [&](std::size_t first, std::size_t last) { run(job, first, last); });
}

#define CIRCULANT_INSTANTIATE(S) \
    template void recurrence(const RecurrenceSizes&, const S*, const S*, const S*, S*, Execution)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
