"""Dtypes that the core stores, by its names; half precision is computed in float32."""

import torch

SCALARS = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
}
