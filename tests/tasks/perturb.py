"""Wrong answers that look right, for tasks where something appended to a right answer is not wrong enough."""

from __future__ import annotations

from collections.abc import Callable

from r1ci.tasks.base import Question

PERTURBED: dict[str, Callable[[Question], list[str]]] = {}
