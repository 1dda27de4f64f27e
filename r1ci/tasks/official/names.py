"""Which task a folder, file or row of official data belongs to, by its name.

Names are compared in lower case and by their words: ``eight_queens_dataset_hard`` and ``BoxLift_10_3`` begin with a
task's name, and what follows says which of its sets it is. Reasoning-Gym and BIG-Bench-Hard share a few names with
SymBench; a folder above, or the kind of file, tells them apart.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from r1ci.tasks.registry import catalog

SYMBENCH, BBH, GYM = "symbench", "bbh", "rg"

_SUITES = {
    "reasoning_gym": GYM, "rg": GYM, "reasoninggym": GYM,
    "big_bench_hard": BBH, "bbh": BBH, "bigbenchhard": BBH,
    "symbench": SYMBENCH, "dataset_gather": SYMBENCH,
}  # fmt: skip
_ALIASES = {
    "blocks_world": "blocksworld", "box_lift": "boxlift", "box_net": "boxnet", "boxnet1": "boxnet",
    "box_net1": "boxnet", "game_24": "game24", "game_of_24": "game24", "gsm": "gsm_hard", "gsmhard": "gsm_hard",
    "gsmhardv2": "gsm_hard", "math_counting_and_probability": "math_counting_probability",
    "counting_and_probability": "math_counting_probability", "pathplan": "path_plan", "sudoku": "standard_sudoku",
    "game_2048": "2048", "letter": "letters", "permutation_and_combination": "permutations_and_combinations",
}  # fmt: skip


def task_of(parts: Sequence[str], suite: str = "") -> str | None:
    """The task id that a path's parts name, from the innermost out; within one suite if that is known."""
    words = [_words(part) for part in parts]
    suite = suite or suite_of(parts)
    below_math = ["math"] in words
    for part in reversed(words):
        if below_math and part == ["geometry"]:
            return _known(SYMBENCH).get("math_geometry")
        id = _named(part, suite)
        if id is not None:
            return id
    return None


def suite_of(parts: Sequence[str]) -> str:
    """The suite that the innermost of a path's parts names; empty if none does."""
    names = ("_".join(_words(part)) for part in reversed(parts))
    return next((_SUITES[name] for name in names if name in _SUITES), "")


def _words(name: str) -> list[str]:
    stem = re.sub(r"\.(json|jsonl|csv|tsv|parquet|txt)$", "", name.lower())
    return [word for word in re.split(r"[\s_\-./]+", stem) if word]


def _named(words: Sequence[str], suite: str) -> str | None:
    """The task whose name the words are; of SymBench also the one whose name is their longest beginning."""
    exact = _known(suite).get("_".join(words))
    if exact is not None or suite not in ("", SYMBENCH):
        return exact
    for count in range(len(words), 0, -1):
        name = "_".join(words[:count])
        for spelling in (name, re.sub(r"(?<=[a-z])[0-9]+$", "", name)):
            id = _known(SYMBENCH).get(_ALIASES.get(spelling, spelling))
            if id is not None:
                return id
    return None


@functools.cache
def _known(suite: str) -> Mapping[str, str]:
    """Task ids by bare name; where suites share one, the first suite's."""
    order = (suite,) if suite else (SYMBENCH, BBH, GYM)
    found: dict[str, str] = {}
    for space in order:
        for info in catalog():
            if info.suite == space:
                found.setdefault(info.id.partition("/")[2].lower(), info.id)
    return found
