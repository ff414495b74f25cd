"""The C++ core, for tensors on a CPU."""
