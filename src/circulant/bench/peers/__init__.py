"""What a user would write instead: small functions, one file for each package or idiom."""
