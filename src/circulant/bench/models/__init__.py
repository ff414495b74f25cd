"""Whole networks: what `circulant.optimise` makes of them beside compilers and inference runtimes."""
