"""Sweeps among the runs of a report: which names stand for them, and what the store keeps of each.

A sweep brings its own section, made from the records of all its trials, and its best few trials as experiments, which
all other sections compare.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from r1ci.errors import StoreError
from r1ci.report.data import Findings, Problem, SweepRecord, SweptSpec, find_experiments, read_findings
from r1ci.spec.diagnostics import Origin
from r1ci.spec.sweep.models import Sweep
from r1ci.spec.tree import from_plain
from r1ci.spec.validate import validate
from r1ci.store.files import read_json
from r1ci.store.store import Store
from r1ci.store.sweeps import SweepFolder, TrialRecord, from_json, sweep_names

SHOWN = 8
"""Trials of a sweep that the other sections compare: the best."""


@dataclass(frozen=True)
class Runs:
    """What the names of a report stand for."""

    sweeps: tuple[SweepRecord, ...]
    experiments: tuple[str, ...]
    """Those named and the sweeps' best trials, each once."""


def find_runs(root: Path, patterns: Sequence[str]) -> Runs:
    """The sweeps and experiments that names and patterns stand for, in their order.

    An experiment comes before a sweep of its name. A pattern that a sweep fits does not stand for its single trials.

    Raises:
        UsageError: a pattern that fits nothing.
        StoreError: a sweep cannot be read.
    """
    known = Store(root).experiments()
    sweeps: dict[str, SweepRecord] = {}
    experiments: list[str] = []
    for pattern in patterns:
        fitting = [name for name in sweep_names(root) if name not in known and fnmatchcase(name, pattern)]
        for name in fitting:
            sweeps[name] = read_sweep(root, name)
            experiments += sweeps[name].shown
        if not fitting:
            experiments += find_experiments(root, [pattern])
        else:
            trials = {f"{name}-{record.name}" for name in fitting for record in sweeps[name].records}
            experiments += [name for name in known if fnmatchcase(name, pattern) and name not in trials]
    return Runs(tuple(sweeps.values()), tuple(dict.fromkeys(experiments)))


def read_runs(root: Path, patterns: Sequence[str]) -> Findings:
    """Everything that names and patterns stand for.

    Raises:
        UsageError: a name or pattern that fits nothing.
        StoreError: the plan of an experiment, or what a sweep was made from, cannot be read.
    """
    runs = find_runs(root, patterns)
    findings = read_findings(root, runs.experiments)
    problems = tuple(problem for sweep in runs.sweeps for problem in sweep.problems)
    return dataclasses.replace(findings, sweeps=runs.sweeps, problems=(*findings.problems, *problems))


def read_sweep(root: Path, name: str) -> SweepRecord:
    """A sweep with every trial whose file can be read.

    Raises:
        StoreError: what the sweep was made from is missing or damaged.
    """
    folder = SweepFolder(root, name)
    resolved = folder.resolved()
    damaged = StoreError(
        f"{folder.folder / 'resolved.json'} is damaged", "start the sweep again with --exists overwrite"
    )
    try:
        sweep, _ = validate(from_plain(resolved["sweep"], Origin(name)), Sweep)
        specs = {
            spec: SweptSpec(str(base["path"]), str(base["variant"]), tuple(map(str, base["alone"])))
            for spec, base in resolved["bases"].items()
        }
    except (KeyError, TypeError, AttributeError):
        raise damaged from None
    if sweep is None:
        raise damaged
    status = folder.status()
    records, problems = _records(folder, running=status.get("state") == "running")
    store = Store(root)
    ranked = [f"{name}-{record.name}" for record in ranking(records, sweep)]
    return SweepRecord(
        name=name,
        sweep=sweep,
        specs=specs,
        status=status,
        records=records,
        shown=tuple(trial for trial in ranked if (store.experiment_folder(trial) / "plan.json").exists())[:SHOWN],
        problems=problems,
    )


def ranking(records: Sequence[TrialRecord], sweep: Sweep) -> list[TrialRecord]:
    """The finished trials, best first, the earlier of equals first."""
    sign = -1 if sweep.metric.mode == "max" else 1
    done = [(sign * record.metric, record.number, record) for record in records if record.metric is not None]
    return [record for _, _, record in sorted(done, key=lambda each: each[:2])]


def _records(folder: SweepFolder, *, running: bool) -> tuple[tuple[TrialRecord, ...], tuple[Problem, ...]]:
    """Trials that a killed sweep left running are interrupted."""
    records, problems = [], []
    for path in sorted((folder.folder / "trials").glob("[0-9]*.json")):
        try:
            record = from_json(read_json(path))
            cut_off = record.state == "running" and not running
            records.append(dataclasses.replace(record, state="interrupted") if cut_off else record)
        except StoreError as error:
            problems.append(Problem(str(path.relative_to(folder.root)), error.message))
    return tuple(records), tuple(problems)


def goes_on(root: Path, patterns: Sequence[str]) -> bool:
    """Whether any of these sweeps and experiments runs now."""
    runs, store = find_runs(root, patterns), Store(root)
    states = [sweep.status.get("state") for sweep in runs.sweeps]
    return "running" in (*states, *(store.status(name).get("state") for name in runs.experiments))


def best_variant(findings: Findings) -> str | None:
    """The variant of the best trial, the baseline where only sweeps are compared: what is not clearly worse shows."""
    shown = {trial for sweep in findings.sweeps for trial in sweep.shown}
    names = [experiment.name for experiment in findings.experiments]
    return findings.experiments[0].variants[0] if len(names) > 1 and shown.issuperset(names) else None


def names_of(findings: Findings) -> list[str]:
    """What is compared: sweeps by their names, and the experiments that are no trials of them."""
    shown = {trial for sweep in findings.sweeps for trial in sweep.shown}
    others = [experiment.name for experiment in findings.experiments if experiment.name not in shown]
    return [*(sweep.name for sweep in findings.sweeps), *others]


def descriptions_of(findings: Findings) -> list[str]:
    """What sweeps and experiments say of themselves, each once; a sweep's speaks for its trials."""
    said = {trial for sweep in findings.sweeps if sweep.sweep.description for trial in sweep.shown}
    others = [experiment.description for experiment in findings.experiments if experiment.name not in said]
    return list(dict.fromkeys(filter(None, [*(sweep.sweep.description for sweep in findings.sweeps), *others])))
