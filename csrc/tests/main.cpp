#include <cstring>

#include "tests/check.hpp"

namespace {

struct Test {
    const char* name;
    void (*run)();
};

constexpr Test kTests[] = {
    {"smooth_lengths", circulant::tests::test_smooth_lengths},
    {"transforms", circulant::tests::test_transforms},
    {"long_conv", circulant::tests::test_long_conv},
    {"depthwise_conv", circulant::tests::test_depthwise_conv},
    {"local_conv", circulant::tests::test_local_conv},
    {"sampled_conv", circulant::tests::test_sampled_conv},
    {"gathered_conv", circulant::tests::test_gathered_conv},
    {"window_conv", circulant::tests::test_window_conv},
    {"sliding_pool", circulant::tests::test_sliding_pool},
    {"fused_block", circulant::tests::test_fused_block},
    {"inverse_conv", circulant::tests::test_inverse_conv},
    {"recurrence", circulant::tests::test_recurrence},
    {"selective_scan", circulant::tests::test_selective_scan},
    {"linear_attention", circulant::tests::test_linear_attention},
    {"line_transforms", circulant::tests::test_line_transforms},
    {"long_conv_stream", circulant::tests::test_long_conv_stream},
    {"threads", circulant::tests::test_threads},
    {"instruction_sets", circulant::tests::test_instruction_sets},
};

}  // namespace

int main(int argc, char** argv) {
    bool found = false;
    for (const Test& test : kTests)
        if (argc < 2 || std::strcmp(argv[1], test.name) == 0) {
            found = true;
            test.run();
        }
    circulant::tests::check(found, "expected the name of a test");
    return circulant::tests::failures == 0 ? 0 : 1;
}
