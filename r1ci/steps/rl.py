"""Multi-stage GRPO, in Ray Train."""

from __future__ import annotations

from r1ci.plan.context import StepContext
from r1ci.train.fit import fit
from r1ci.train.rl import train_rl


def run(context: StepContext) -> None:
    """Write model/, metrics.parquet and episodes.parquet."""
    fit(train_rl, context)
