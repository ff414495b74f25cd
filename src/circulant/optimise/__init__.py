"""Rewrites a trained network so that it computes the same, faster."""
