"""Chooses how to run a problem, says why, and makes every run differentiable."""
