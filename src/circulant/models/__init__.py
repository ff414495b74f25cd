"""Networks built from operators."""
