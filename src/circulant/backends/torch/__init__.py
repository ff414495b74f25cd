"""Every problem in plain torch: any device, any dtype, the semantic baseline."""
