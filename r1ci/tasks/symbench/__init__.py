"""SymBench's kinds of puzzle, with generators and checkers of our own: upstream's have faults (docs/tasks.md)."""
