"""Every sentence the report generates: pure functions of the records and the statistics."""
