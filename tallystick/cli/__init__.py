"""The command line: one thin module per group, loaded when its command is typed."""
