"""Times the engine beside what a user would write instead, and never times a wrong result."""
