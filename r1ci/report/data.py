"""What a report is made from: the store, read into frozen objects.

Reads only the layout of docs/store.md and never writes. Whatever is missing, unfinished or damaged becomes a
:class:`Problem` beside the data that could be read: a report is most needed when something went wrong.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from r1ci.errors import StoreError, UsageError
from r1ci.report.ledgers import read_asked, read_groups, shares, token_texts
from r1ci.report.tables import Split, read_split, read_visits
from r1ci.spec.sweep.models import Sweep
from r1ci.store.metrics import LINES, TABLE, TIME, read_rows
from r1ci.store.store import Condition, Store
from r1ci.store.sweeps import TrialRecord

if TYPE_CHECKING:
    import polars as pl

Json = Mapping[str, Any]
T = TypeVar("T")
_DATA = ("questions", "demonstrations", "potential", "partition")
_READ = ("questions", "evaluation", "potential", "partition", "rl")


@dataclass(frozen=True)
class Problem:
    """Something that could not be read."""

    where: str
    """Step id or path inside the store."""
    message: str


@dataclass(frozen=True)
class StepRecord:
    """One step of a plan and how far it came."""

    id: str
    kind: str
    state: str
    """done, damaged, failed, blocked, running, interrupted, pending, or missing (never asked for)."""
    error: str
    """Why it failed, in one line; empty where it did not."""
    inputs: Json
    reads: Mapping[str, str]
    gpus: int
    """What it held while it ran, over all its workers."""
    compute: Json
    """The spec's section compute, as this step ran with; empty where the plan does not say."""
    provenance: Json
    """What provenance.json says; empty when there is none."""

    @property
    def done(self) -> bool:
        """Whether its outputs may be trusted."""
        return self.state == "done"


UNSCORED = ("infrastructure", "engine", "scoring")
"""Ends of an attempt that say nothing of the model: a program, log-probabilities or a verdict could not be had."""


@dataclass(frozen=True)
class CellRecord:
    """One variant x model x seed, with its step ids by role."""

    experiment: str
    variant: str
    model: str
    seed: int
    steps: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One scored attempt at a question."""

    set: str
    """new (questions of training tasks) or test (test tasks)."""
    task: str
    question_id: str
    sample: int
    correct: bool
    calls: int
    code_errors: int
    statuses: tuple[str, ...]
    """How each call ended, in order."""
    turns: int
    generated_tokens: int
    stop_reason: str
    answer: str | None
    """As the model wrote it; None where it gave none."""

    @property
    def scored(self) -> bool:
        """Whether it says something of the model."""
        return self.stop_reason not in UNSCORED


@dataclass(frozen=True)
class ExperimentRecord:
    """An experiment's resolved spec and its cells."""

    name: str
    description: str
    spec: Json
    cells: tuple[CellRecord, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        """In the order of the spec."""
        return tuple(dict.fromkeys(cell.variant for cell in self.cells))


@dataclass(frozen=True)
class SweptSpec:
    """A spec of a sweep."""

    path: str
    variant: str
    """Which its trials run."""
    alone: tuple[str, ...]
    """Overrides after which the spec has that variant only."""


@dataclass(frozen=True)
class SweepRecord:
    """A sweep and its trials."""

    name: str
    """As the store has it."""
    sweep: Sweep
    specs: Mapping[str, SweptSpec]
    """By spec as the sweep writes it."""
    status: Json
    records: tuple[TrialRecord, ...]
    """By number."""
    shown: tuple[str, ...]
    """Experiments of the best trials, best first."""
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Findings:
    """Everything that was found in the store."""

    experiments: tuple[ExperimentRecord, ...]
    steps: Mapping[str, StepRecord]
    """By id, in the order of the plans."""
    attempts: Mapping[str, tuple[Attempt, ...]]
    """By evaluation step."""
    trajectories: Mapping[str, tuple[Json, ...]]
    """By evaluation step: the sample kept for the viewer."""
    metrics: Mapping[str, pl.DataFrame]
    """By sft or rl step, one row per training step; null where a step did not log a column."""
    executions: Mapping[str, tuple[Json, ...]]
    """By step that ran programs: counts of what its executor did, each a measure, a name and a count."""
    potentials: Mapping[str, tuple[Json, ...]]
    """By potential step, one row per question."""
    partitions: Mapping[str, tuple[Json, ...]]
    """By partition step, one row per question."""
    visits: Mapping[str, pl.DataFrame]
    """By rl step, one row per question and training step that asked it: see ``read_visits``."""
    groups: Mapping[str, tuple[Json, ...]]
    """By rl step: episodes of training, a few whole groups, for the viewer."""
    splits: Mapping[str, Split]
    """By questions step."""
    files: Mapping[str, tuple[Json, ...]]
    """By finished step that made data (questions to partitions): path, bytes and sha256 of every table."""
    problems: tuple[Problem, ...]
    sweeps: tuple[SweepRecord, ...] = ()

    @property
    def cells(self) -> tuple[CellRecord, ...]:
        """Of all experiments."""
        return tuple(cell for experiment in self.experiments for cell in experiment.cells)

    def log(self, step: str) -> pl.DataFrame:
        """What a step logged of its training; empty where it logged nothing."""
        import polars as pl

        return self.metrics.get(step, pl.DataFrame())


@dataclass
class _Reader:
    """Collects problems while it reads one store."""

    root: Path
    problems: list[Problem] = field(default_factory=list)

    def note(self, where: str, message: str) -> None:
        problem = Problem(where, message)
        if problem not in self.problems:
            self.problems.append(problem)

    def json(self, path: Path) -> Any:
        """Content of a JSON file, None where it is missing or damaged."""
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.note(self.relative(path), f"cannot be read: {error}")
            return None

    def mapping(self, path: Path) -> Json:
        """A JSON object; empty where it is missing or damaged."""
        value = self.json(path)
        if value is not None and not isinstance(value, dict):
            self.note(self.relative(path), "is not a JSON object")
        return value if isinstance(value, dict) else {}

    def table(self, path: Path) -> tuple[dict[str, Any], ...]:
        """Rows of a Parquet file; none where it is missing or damaged."""
        import polars

        if not path.exists():
            self.note(self.relative(path), "is missing from a finished step")
            return ()
        try:
            return tuple(polars.read_parquet(path).to_dicts())
        except (OSError, polars.exceptions.PolarsError) as error:
            self.note(self.relative(path), f"cannot be read: {str(error).splitlines()[0]}")
            return ()

    def checksum(self, path: Path) -> str | None:
        """SHA-256 of a file; None where it cannot be read."""
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            self.note(self.relative(path), f"cannot be read: {error}")
            return None

    def parsed(self, path: Path, parse: Callable[[Path], T], otherwise: T) -> T:
        """What a function makes of a Parquet file; ``otherwise`` where it is missing or damaged."""
        import polars

        try:
            return parse(path)
        except (OSError, polars.exceptions.PolarsError) as error:
            self.note(self.relative(path), f"cannot be read: {str(error).splitlines()[0]}")
            return otherwise

    def lines(self, path: Path) -> tuple[dict[str, Any], ...]:
        """Objects of a gzipped JSON-lines file; what follows the first damaged line is left out."""
        rows: list[dict[str, Any]] = []
        if not path.exists():
            return ()
        try:
            with gzip.open(path, "rt", encoding="utf-8") as file:
                rows.extend(json.loads(line) for line in file if line.strip())
        except (OSError, ValueError, EOFError, zlib.error) as error:
            self.note(self.relative(path), f"only its first {len(rows)} lines could be read: {error}")
        return tuple(rows)

    def rows(self, path: Path) -> list[dict[str, Any]]:
        """The metric log of a step that is not finished."""
        try:
            return read_rows(path)
        except (OSError, StoreError) as error:
            self.note(self.relative(path), f"cannot be read: {error}")
            return []

    def relative(self, path: Path) -> str:
        """Path inside the store."""
        return str(path.relative_to(self.root))


def find_experiments(root: Path, patterns: Sequence[str]) -> list[str]:
    """The experiments that names and patterns stand for, in their order, each once.

    Raises:
        UsageError: a pattern that fits none. A name that is not there is :func:`read_findings`'s to refuse.
    """
    found: list[str] = []
    for pattern in patterns:
        if not set(pattern) & set("*?["):
            found.append(pattern)
            continue
        known = Store(root).experiments()
        fitting = [name for name in known if fnmatchcase(name, pattern)]
        if not fitting:
            help = f"the store has: {', '.join(known)}" if known else "the store has none; run a spec first"
            raise UsageError(f"no experiment fits {pattern!r} in the store {root}", help)
        found += fitting
    return list(dict.fromkeys(found))


def read_findings(root: Path, names: Sequence[str]) -> Findings:
    """Read experiments and the outputs of their steps.

    Raises:
        UsageError: no experiment of that name is in the store.
        StoreError: an experiment's plan cannot be read.
    """
    reader = _Reader(root)
    store = Store(root)
    experiments = _distinct([_experiment(reader, store, name) for name in names])
    steps: dict[str, StepRecord] = {}
    for name in names:
        states = _status(reader, store, name)
        for planned in reader.mapping(store.experiment_folder(name) / "plan.json")["steps"]:
            steps[planned["id"]] = _step(reader, store, planned, states.get(planned["id"], {}))
    done = [(step.kind, step.id, store.step_folder(step.id)) for step in steps.values() if step.done]
    folders = {kind: [(id, at) for of, id, at in done if of == kind] for kind in _READ}
    return Findings(
        experiments=experiments,
        steps=steps,
        attempts={id: _attempts(reader, at / "scores.parquet") for id, at in folders["evaluation"]},
        trajectories={id: _slim(reader.lines(at / "trajectories.jsonl.gz")) for id, at in folders["evaluation"]},
        metrics={s.id: _metrics(reader, store.step_folder(s.id), s) for s in steps.values() if s.kind in ("sft", "rl")},
        executions={id: rows for _, id, at in done if (rows := _executions(reader, at / "executor.parquet"))},
        potentials={id: reader.table(at / "potential.parquet") for id, at in folders["potential"]},
        partitions={id: reader.table(at / "partition.parquet") for id, at in folders["partition"]},
        visits={
            id: found for id, at in folders["rl"] if (found := _visits(reader, at / "episodes.parquet")) is not None
        },
        groups=_groups(reader, store, [step for step in steps.values() if step.kind == "rl"]),
        splits={
            id: reader.parsed(at / "questions.parquet", read_split, Split({}, {})) for id, at in folders["questions"]
        },
        files={id: _files(reader, at) for kind, id, at in done if kind in _DATA},
        problems=tuple(reader.problems),
    )


def _experiment(reader: _Reader, store: Store, name: str) -> ExperimentRecord:
    folder = store.experiment_folder(name)
    if not (folder / "plan.json").exists():
        known = [other for other in store.experiments() if (store.experiment_folder(other) / "plan.json").exists()]
        raise UsageError(
            f"no experiment {name!r} in the store {store.root}",
            f"the store has: {', '.join(known)}" if known else "the store has none; run a spec first, or give --root",
        )
    plan = reader.mapping(folder / "plan.json")
    if not isinstance(plan.get("cells"), list) or not isinstance(plan.get("steps"), list):
        raise StoreError(f"{folder / 'plan.json'} is damaged", "run the spec again: what is finished is kept")
    spec = reader.mapping(folder / "resolved.json")
    cells = tuple(CellRecord(name, c["variant"], c["model"], c["seed"], c["steps"]) for c in plan["cells"])
    return ExperimentRecord(name, str(spec.get("description", "")), spec, cells)


def _distinct(experiments: Sequence[ExperimentRecord]) -> tuple[ExperimentRecord, ...]:
    """Variants that are called alike in several experiments get the experiment's name before their own."""
    named = Counter(variant for experiment in experiments for variant in experiment.variants)

    def cell(of: CellRecord) -> CellRecord:
        return of if named[of.variant] == 1 else replace(of, variant=f"{of.experiment}/{of.variant}")

    return tuple(replace(of, cells=tuple(map(cell, of.cells))) for of in experiments)


def _status(reader: _Reader, store: Store, name: str) -> Mapping[str, Json]:
    """What the last run said of each step."""
    try:
        steps = store.status(name).get("steps")
    except (OSError, StoreError) as error:
        reader.note(f"experiments/{name}/status.json", f"cannot be read: {error}")
        return {}
    return steps if isinstance(steps, dict) else {}


def _step(reader: _Reader, store: Store, planned: Json, status: Json) -> StepRecord:
    """The folder decides what is done; the status says why something is not."""
    id = planned["id"]
    condition = store.condition(id)
    state = str(status.get("state", "missing"))
    error = ""
    if condition in (Condition.DONE, Condition.DAMAGED):
        state = condition.value
    elif state in ("done", "cached"):
        state, error = "missing", "it was finished once, but its outputs are no longer in the store"
    elif state == "failed":
        failure = status.get("error") or {}
        error = f"{failure.get('type', 'error')}: {failure.get('message', '')}"
    elif state == "blocked":
        error = f"it needs {status.get('by')}"
    return StepRecord(
        id=id,
        kind=planned["kind"],
        state=state,
        error=error,
        inputs=planned["inputs"],
        reads=planned["reads"],
        gpus=planned["resources"]["gpus"],
        compute=planned["runtime"].get("compute", {}),
        provenance=reader.mapping(store.step_folder(id) / "provenance.json"),
    )


def _executions(reader: _Reader, path: Path) -> tuple[Json, ...]:
    """None where no program was run."""
    rows = reader.table(path) if path.exists() else ()
    if rows and not {"measure", "name", "count"} <= rows[0].keys():
        reader.note(reader.relative(path), "has other columns than measure, name and count")
        return ()
    return rows


def _visits(reader: _Reader, path: Path) -> pl.DataFrame | None:
    return reader.parsed(path, lambda at: read_visits(at, UNSCORED), None)


def _groups(reader: _Reader, store: Store, runs: Sequence[StepRecord]) -> dict[str, tuple[Json, ...]]:
    """Of finished runs and of those that go on; ledgers are optional."""
    by_id = {step.id: step for step in runs if (store.step_folder(step.id) / "ledger").is_dir()}
    return {id: _training(reader, store, by_id[id], count) for id, count in shares(list(by_id)).items()}


def _training(reader: _Reader, store: Store, step: StepRecord, count: int) -> tuple[Json, ...]:
    tokenizer = store.step_folder(step.reads.get("policy", step.id)) / "model" / "tokenizer.json"
    texts = token_texts(tokenizer) if tokenizer.exists() else None
    ledger = store.step_folder(step.id) / "ledger"
    nothing: list[dict[str, Any]] = []
    lines = reader.parsed(ledger, lambda at: read_groups(at, count, texts), nothing)
    ids = sorted({line["trajectory"]["question_id"] for line in lines})
    questions = store.step_folder(step.reads.get("questions", step.id)) / "questions.parquet"
    unknown: dict[str, tuple[str, str]] = {}
    asked = reader.parsed(questions, lambda at: read_asked(at, ids), unknown) if lines else unknown
    for line in lines:
        line["question"], line["reference"] = asked.get(line["trajectory"]["question_id"], (None, None))
    return tuple(lines)


def _files(reader: _Reader, folder: Path) -> tuple[Json, ...]:
    """The store has the checksums of small files; those of large ones are made here."""
    outputs = reader.mapping(folder / "done.json").get("outputs", ())
    return tuple(
        output if "sha256" in output else {**output, "sha256": reader.checksum(folder / output["path"])}
        for output in outputs
        if output["path"] not in ("step.json", "provenance.json")
    )


def _split(reader: _Reader, path: Path) -> Split:
    return reader.parsed(path, read_split, Split({}, {}))


def _attempts(reader: _Reader, path: Path) -> tuple[Attempt, ...]:
    import polars as pl

    if not path.exists():
        reader.note(reader.relative(path), "is missing from a finished step")
        return ()
    table = reader.parsed(path, pl.read_parquet, None)
    if table is None:
        return ()
    names = [column.name for column in fields(Attempt)]
    for name in names:
        if name not in table.columns:
            reader.note(reader.relative(path), f"has no column {name!r}")
            return ()
    correct = pl.col("correct").cast(pl.Boolean)
    columns = table.select(names).with_columns(correct, pl.col("statuses").fill_null([])).get_columns()
    return tuple(
        Attempt(*row)
        for row in zip(
            *(map(tuple, c.to_list()) if c.name == "statuses" else c.to_list() for c in columns), strict=True
        )
    )


def _metrics(reader: _Reader, folder: Path, step: StepRecord) -> pl.DataFrame:
    """The finished table, or what an unfinished step has logged so far."""
    import polars as pl

    path = folder / TABLE
    nothing = pl.DataFrame()
    if path.exists():
        rows = reader.parsed(path, pl.read_parquet, nothing)
    else:
        rows = pl.DataFrame(reader.rows(folder / LINES), infer_schema_length=None)
    if step.done and rows.is_empty():
        reader.note(step.id, "is finished but logged no metrics")
    return rows.drop(TIME, strict=False)


def _slim(lines: tuple[dict[str, Any], ...]) -> tuple[Json, ...]:
    """Without token ids: the viewer shows text."""
    heavy = {"ids", "mask", "logprobs"}
    return tuple(
        {**line, "trajectory": {key: value for key, value in line["trajectory"].items() if key not in heavy}}
        for line in lines
        if isinstance(line.get("trajectory"), dict)
    )
