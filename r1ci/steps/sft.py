"""Supervised fine-tuning, in Ray Train."""

from __future__ import annotations

from r1ci.plan.context import StepContext
from r1ci.train.fit import fit
from r1ci.train.sft import train_sft


def run(context: StepContext) -> None:
    """Write model/ and metrics.parquet."""
    fit(train_sft, context)
