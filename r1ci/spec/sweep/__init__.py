"""The language of sweeps: a space of values over a spec's dotted keys, and which trials are drawn from it."""
