"""The operations of workloads.toml, one file for each kind."""
