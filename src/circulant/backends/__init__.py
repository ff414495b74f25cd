"""WHO runs an algorithm: torch anywhere, the native core on a CPU. Rows of one table."""
