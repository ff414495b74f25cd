"""Words that every layer shares: operators, cards, costs, sizes, tolerances, errors."""
