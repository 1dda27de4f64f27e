"""Ray Jobs: a spec or sweep sent to a cluster as a package of the working tree and the pinned environment."""
