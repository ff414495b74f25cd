"""Train and profile operators side by side on the user's data, and report which one to take."""
