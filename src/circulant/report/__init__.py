"""Parts of every page that a command writes: markup, numbers, scales, pictures, policy. One file, offline."""
