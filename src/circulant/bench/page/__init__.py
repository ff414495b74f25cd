"""docs/benchmarks.md and its pictures, from the files of results."""
