"""Sweeps whose steps do nothing but what a test says: plans without a spec, results without a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from r1ci.launch.sweep.demand import Bundle
from r1ci.launch.sweep.desk import Desk, Prepared, Proposal, Propose
from r1ci.launch.sweep.events import Summary, SweepEvent
from r1ci.launch.sweep.measure import Measure
from r1ci.plan.context import StepContext
from r1ci.plan.steps import Cell, Plan, Resources, Step
from r1ci.spec.sweep.models import Sweep
from r1ci.spec.sweep.trials import Trial
from r1ci.store.store import Store
from r1ci.store.sweeps import SweepFolder, TrialRecord

RUNTIME = {"executor": {"kind": "local"}, "compute": {}, "plugins": []}


def sweep(**sections: Any) -> Sweep:
    """A grid over one key; sections in place of the defaults."""
    return Sweep.model_validate(
        {
            "sweep_version": 1,
            "name": "demo",
            "spec": "base.yaml",
            "space": {"rl.x": {"kind": "grid", "values": [0.1, 0.2, 0.3]}},
            "metric": {"name": "accuracy/new_questions", "mode": "max"},
            "search": {"kind": "grid"},
            **sections,
        }
    )


def grid(of: Sweep) -> Propose:
    """The values of the only key, in order."""
    ((key, dimension),) = of.space.items()
    values: Sequence[Any] = dimension.values  # type: ignore[union-attr]

    def propose(number: int, records: Sequence[TrialRecord]) -> Proposal | None:
        return Proposal(Trial(number, "base.yaml", {key: values[number]})) if number < len(values) else None

    return propose


def plan(trial: Trial, *, seeds: Sequence[int] = (0,), resources: Resources = Resources()) -> Plan:
    """questions and sft, which all trials share, then RL and its evaluation for each seed."""
    steps: dict[str, Step] = {}
    cells = []
    for seed in seeds:
        questions = Step("questions", {}, {}, runtime=RUNTIME)
        sft = Step("sft", {"seed": seed}, {"questions": questions.id}, resources, runtime=RUNTIME)
        x = trial.values["rl.x"]
        rl = Step("rl", {"x": x, "seed": seed}, {"policy": sft.id}, resources, runtime=RUNTIME)
        evaluation = Step("evaluation", {"x": x, "seed": seed}, {"policy": rl.id}, runtime=RUNTIME)
        roles = {"questions": questions, "sft": sft, "rl": rl, "evaluation:rl:code_agent": evaluation}
        steps |= {step.id: step for step in roles.values()}
        cells.append(Cell("default", "m", seed, {role: step.id for role, step in roles.items()}))
    return Plan(f"demo-{trial.number:04d}", steps, tuple(cells))


def prepare(trial: Trial) -> Prepared:
    """A trial with the fake plan."""
    return prepared(trial, plan(trial))


def prepared(trial: Trial, made: Plan) -> Prepared:
    """A trial with a plan of the test's."""
    return Prepared(made, Measure(sweep().metric), "text", {"name": made.name})


def work(context: StepContext, *, curve: Sequence[float] = (0.1, 0.2)) -> None:
    """What the steps leave: RL a log with a held-out accuracy each step, an evaluation one question in four."""
    if context.step.kind == "rl":
        write_log(context.folder, curve)
    if context.step.kind == "evaluation":
        write_scores(context.folder, float(context.inputs["x"]))


def write_log(folder: Path, curve: Sequence[float]) -> None:
    """An RL log with a point of the curve in every step, ten tokens each."""
    rows = [{"step": step, "time": 0.0, "tokens": 10.0, "new_accuracy": value} for step, value in enumerate(curve)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_scores(folder: Path, accuracy: float) -> None:
    """Ten new questions of a task, a share of them right; a test question that is wrong."""
    right = round(accuracy * 10)
    rows = [{"set": "new", "task": "t", "correct": number < right} for number in range(10)]
    pl.DataFrame([*rows, {"set": "test", "task": "u", "correct": False}]).write_parquet(folder / "scores.parquet")


def compute(store: Store, made: Plan, do: Callable[[StepContext], None] = work) -> list[str]:
    """Compute what a store does not have of a plan; ids of the computed steps."""
    computed = []
    for step in made.steps.values():
        if not store.is_done(step.id):
            with store.attempt(step) as folder:
                do(StepContext(step, folder, {}, lambda progress: None))
            computed.append(step.id)
    return computed


class Office:
    """A desk on a store, with everything it was told about."""

    def __init__(
        self,
        root: Path,
        of: Sweep | None = None,
        *,
        nodes: Callable[[], Sequence[Bundle]] = lambda: (Bundle(2, 0),),
        prepare: Callable[[Trial], Prepared] = prepare,
        propose: Propose | None = None,
        **choices: Any,
    ) -> None:
        self.store, self.folder = Store(root), SweepFolder(root, "demo")
        self.sweep = of or sweep()
        if not self.folder.folder.exists():
            self.folder.create(text="", resolved={})
        self.events: list[tuple[SweepEvent, Summary]] = []
        self.desk = Desk(
            self.sweep,
            self.folder,
            self.store,
            propose or grid(self.sweep),
            prepare,
            nodes,
            lambda event, summary: self.events.append((event, summary)),
            total=None,
            **choices,
        )

    def run(self, number: int) -> None:
        """Bring a begun trial to its end."""
        made = prepare(Trial(number, "base.yaml", self.desk.records[number].values)).plan
        computed = compute(self.store, made)
        reused = [step_id for step_id in made.steps if step_id not in computed]
        self.desk.finished(number, computed=computed, reused=reused, error=None)

    def run_all(self) -> None:
        """One trial after another until there is no more."""
        while (job := self.desk.next()) is not None:
            self.run(job.record.number)

    def states(self) -> Mapping[int, str]:
        """What the disk says."""
        return {record.number: record.state for record in self.folder.records()}
