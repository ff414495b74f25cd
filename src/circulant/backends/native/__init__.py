"""The C++ core on CPUs: long convolution by FFT and direct depthwise convolution."""
