"""Triton kernels for GPUs. Importing this is cheap: triton itself is loaded at the first use."""
