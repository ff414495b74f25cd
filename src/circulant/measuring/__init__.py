"""How long calls take and how much memory: for `bench`, `compare` and `optimise` alike."""
