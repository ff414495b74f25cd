"""What runs on the device. These modules import triton; the modules above load them when they run."""
