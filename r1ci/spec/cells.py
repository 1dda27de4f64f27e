"""The cells of an experiment: every combination of variant, model and seed."""

from __future__ import annotations

from dataclasses import dataclass

from r1ci.spec.load import Resolved
from r1ci.spec.models import Experiment, GgufModel, HubModel, TinyModel


@dataclass(frozen=True)
class CellSpec:
    """One combination of variant, model and seed."""

    variant: str
    model: TinyModel | GgufModel | HubModel
    seed: int
    experiment: Experiment
    """The spec with the variant's changes."""


def cells(resolved: Resolved) -> tuple[CellSpec, ...]:
    """All cells, seeds changing fastest, variants slowest."""
    return tuple(
        CellSpec(variant, model, seed, case.experiment)
        for variant, case in resolved.cases.items()
        for model in resolved.experiment.models
        for seed in resolved.experiment.seeds
    )
