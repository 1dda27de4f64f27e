"""r1ci tasks: what can be done with the tasks as a whole."""

from __future__ import annotations

from r1ci.cli.group import LazyGroup

VERBS = {
    "validate": "Prove that the checkers are right.",
    "audit": "Hold official data against r1ci's own checkers.",
}

command = LazyGroup("tasks", VERBS, "Prove the tasks' checkers, or hold official data against them.")
