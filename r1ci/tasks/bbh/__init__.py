"""BIG-Bench-Hard's kinds of question, from generators of our own, so that there are as many as an experiment needs."""
