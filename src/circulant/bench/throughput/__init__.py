"""Operators beside the PyTorch code that a user would write for the same mathematics."""
