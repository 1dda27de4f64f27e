"""Small experiments and their cells, without files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from r1ci.plan.compile import compile_experiment
from r1ci.plan.steps import Plan
from r1ci.spec.cells import CellSpec
from r1ci.spec.models import Experiment
from r1ci.spec.vocabulary import Vocabulary

KNOWN = Vocabulary({"a/one": "train", "a/two": "train", "b/three": "test"})


def experiment(**sections: Any) -> Experiment:
    """An experiment of a tiny model, with sections in place of the defaults."""
    return Experiment.model_validate({"spec_version": 1, "name": "small", "models": ["tiny"], **sections})


def compiled(*, variants: dict[str, dict[str, Any]] | None = None, known: Vocabulary = KNOWN, **sections: Any) -> Plan:
    """The plan of an experiment whose variants replace whole sections."""
    made = {name: experiment(**{**sections, **changed}) for name, changed in (variants or {"default": {}}).items()}
    cells = [
        CellSpec(name, model, seed, spec) for name, spec in made.items() for model in spec.models for seed in spec.seeds
    ]
    return compile_experiment(cells, "small", known)


@pytest.fixture(scope="session")
def plan_of() -> Callable[..., Plan]:
    """Compile an experiment from its sections."""
    return compiled
