"""WHAT is computed: sizes, boundary and dtype of a computation that can be planned. No tensors."""
