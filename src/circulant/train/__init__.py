"""A small training loop that gives every operator the same data order, budget and recipe."""
