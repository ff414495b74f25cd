"""The operators, by room. Each file holds its equation, a reference, the module and its card."""
