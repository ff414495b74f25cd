"""Sources of real data: bundled sets and the user's own files. Nothing is downloaded."""
