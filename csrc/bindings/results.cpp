// Results of kernels: tensors over memory of the arena, handed to Python by DLPack.
#include <nanobind/stl/vector.h>

#include <memory>
#include <numeric>
#include <vector>

#include "bindings/binding.hpp"
#include "core/arena.hpp"

namespace circulant::bindings {

namespace {

// The stable C layout of DLPack before its version 1, which `from_dlpack` takes from a capsule.
struct DLTensor {
    void* data;
    struct {
        std::int32_t type, id;
    } device;
    std::int32_t ndim;
    struct {
        std::uint8_t code, bits;
        std::uint16_t lanes;
    } dtype;
    std::int64_t* shape;
    std::int64_t* strides;  // null: contiguous
    std::uint64_t byte_offset;
};

struct DLManagedTensor {
    DLTensor tensor;
    void* owner;
    void (*deleter)(DLManagedTensor*);
};

constexpr const char* kUnclaimed = "dltensor";
constexpr std::int32_t kCpu = 1;
constexpr std::uint8_t kFloat = 2, kBFloat = 4;

struct Result {
    DLManagedTensor managed{};
    Arena::Block block;
    std::vector<std::int64_t> shape;
};

// Called by whoever drops the tensor, with or without Python's lock.
void drop(DLManagedTensor* managed) {
    Result* const result = static_cast<Result*>(managed->owner);
    result_arena().give(std::move(result->block));
    delete result;
}

void drop_unclaimed(PyObject* capsule) {
    if (!PyCapsule_IsValid(capsule, kUnclaimed)) return;
    drop(static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kUnclaimed)));
}

std::uint8_t bits_of(Scalar scalar) {
    switch (scalar) {
        case Scalar::float32: return 32;
        case Scalar::float64: return 64;
        default: return 16;
    }
}

nb::object new_result(std::vector<std::int64_t> shape, Scalar scalar) {
    const std::size_t count = std::accumulate(shape.begin(), shape.end(), std::size_t{1},
                                              [](std::size_t total, std::int64_t size) {
                                                  return total * static_cast<std::size_t>(size);
                                              });
    auto result = std::make_unique<Result>();
    const std::uint8_t bits = bits_of(scalar);
    result->block = result_arena().take(count * bits / 8);
    result->shape = std::move(shape);
    DLTensor& tensor = result->managed.tensor;
    tensor.data = result->block.buffer->data();
    tensor.device = {kCpu, 0};
    tensor.ndim = static_cast<std::int32_t>(result->shape.size());
    tensor.dtype = {scalar == Scalar::bfloat16 ? kBFloat : kFloat, bits, 1};
    tensor.shape = result->shape.data();
    result->managed.owner = result.get();
    result->managed.deleter = drop;
    PyObject* const capsule = PyCapsule_New(&result->managed, kUnclaimed, drop_unclaimed);
    if (capsule == nullptr) throw nb::python_error();
    result.release();
    return nb::steal(capsule);
}

}  // namespace

void bind_results(nb::module_& m) {
    m.def("new_result", &new_result, "shape"_a, "scalar"_a, "A capsule for torch.from_dlpack, not initialised.");
    m.def("kept_result_bytes", [] { return result_arena().kept_bytes(); });
    m.def("clear_results", [] { result_arena().clear(); });
}

}  // namespace circulant::bindings
