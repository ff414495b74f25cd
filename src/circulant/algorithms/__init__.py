"""HOW a problem is solved: when an algorithm applies, what it costs, its block sizes. Computes nothing."""
