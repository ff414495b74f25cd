"""The planner's numbers for a machine: implementations timed on some hundred problems, and costs fitted."""
