"""The command line: one thin file for each command, and the only place that parses text."""
