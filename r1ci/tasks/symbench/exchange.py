"""Methods that turn some things into others, used in turn: string_splitting and synthesis_decomposition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_ROUNDS = 20_000

PROGRAM = """\
counts = {counts}
methods = {methods}
changed = True
while changed:
    changed = False
    for takes, gives in methods:
        if all(counts[x] >= n for x, n in takes.items()):
            for x, n in takes.items():
                counts[x] -= n
            for x, n in gives.items():
                counts[x] += n
            changed = True
print(*[counts[x] for x in {order}], sep=", ")"""


@dataclass(frozen=True)
class Method:
    """How many of which things a use takes and gives."""

    takes: Mapping[str, int]
    gives: Mapping[str, int]


def run(counts: Mapping[str, int], methods: Sequence[Method]) -> dict[str, int]:
    """The counts in the end: each method once in its turn where it can be used, round after round until none can.

    Raises ValueError if there is no end in sight.
    """
    now = dict(counts)
    for _ in range(MAX_ROUNDS):
        changed = False
        for method in methods:
            if all(now.get(thing, 0) >= count for thing, count in method.takes.items()):
                for thing, count in method.takes.items():
                    now[thing] -= count
                for thing, count in method.gives.items():
                    now[thing] = now.get(thing, 0) + count
                changed = True
        if not changed:
            return now
    raise ValueError("its methods never come to an end")


def program(counts: Mapping[str, int], methods: Sequence[Method], order: Sequence[str]) -> str:
    """A program that does the same and prints the counts in order."""
    start = {thing: counts.get(thing, 0) for thing in order}
    lines = ",\n    ".join(str((dict(method.takes), dict(method.gives))) for method in methods)
    return PROGRAM.format(counts=start, methods=f"[\n    {lines},\n]", order=list(order))
