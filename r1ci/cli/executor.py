"""r1ci executor: serve programs over HTTP, or hold an executor to the conformance suite."""

from __future__ import annotations

from r1ci.cli.group import LazyGroup

VERBS = {
    "serve": "Run programs for others over HTTP.",
    "test": "Run the conformance suite against an executor.",
}

command = LazyGroup("executor", VERBS, "Serve the executor, or hold one to the conformance suite.")
