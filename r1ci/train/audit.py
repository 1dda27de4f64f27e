"""An RL step's folder held against its claims, step by step: reads ledgers, questions, tokenizer and weights.

Weights of before a step are there for the first (the model that RL began with) and for steps that begin at a checkpoint
of an unfinished run; a finished run has deleted its checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from r1ci.models import load
from r1ci.spec.models import AgentSpec, Rl
from r1ci.store.metrics import LINES, TABLE, read_rows
from r1ci.tasks.storage import read_questions
from r1ci.train import checkpoints, ledger, proofs
from r1ci.train import weights as weights_of
from r1ci.train.batching import collate, micro_batches
from r1ci.train.ledger import Ledger
from r1ci.train.logprobs import token_logps
from r1ci.train.proofs import Bounds, Fault, Verdict

_TOKENS = 8192
"""Tokens per forward pass of the ``weights`` claim."""


@dataclass(frozen=True)
class Audited:
    """One step and what became of each claim about it."""

    step: int
    verdicts: tuple[Verdict, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing failed."""
        return not any(verdict.faults for verdict in self.verdicts)


@dataclass(frozen=True)
class Subject:
    """An RL step, finished or not."""

    folder: Path
    inputs: Mapping[str, Any]
    reads: Mapping[str, Path]
    """Folders by role: questions, policy."""

    @property
    def bounds(self) -> Bounds:
        """How far its engine may be from its trainer."""
        return proofs.bounds(self.inputs["precision"], self.inputs["engine"]["kind"])


def audit(
    subject: Subject, steps: Sequence[int], *, weights: bool = True, allowed: Bounds | None = None
) -> Iterator[Audited]:
    """Every claim about each of the steps.

    Raises:
        StoreError: a ledger cannot be read.
    """
    allowed = allowed or subject.bounds
    policy = subject.reads["policy"] / "model"
    tokenizer = load.load_tokenizer(policy)
    questions = {item.id: item.text for item in read_questions(subject.reads["questions"], "rl")}
    kind = AgentSpec.model_validate(subject.inputs["agent"]).kind
    logged = _logged(subject.folder)
    for step in steps:
        entry = ledger.read(ledger.path(subject.folder, step))
        scripted = subject.inputs["engine"]["kind"] == "scripted"
        engine = Verdict("engine", 0, detail="replies come from a list", skipped=True)
        verdicts = (
            proofs.tokens(entry, tokenizer, questions, kind),
            proofs.mask(entry),
            proofs.group_advantages(entry),
            proofs.loss(entry, logged.get(step)),
            engine if scripted else proofs.engine(entry, allowed),
            _weights(subject, entry, step, allowed) if weights else _without("not asked for"),
        )
        yield Audited(step, verdicts)


def _logged(folder: Path) -> dict[int, float]:
    """The losses of the metric log, by step."""
    if (folder / TABLE).is_file():
        import polars as pl

        table = pl.read_parquet(folder / TABLE)
        return dict(zip(table["step"].to_list(), table["loss"].to_list(), strict=True))
    return {row["step"]: row["loss"] for row in read_rows(folder / LINES)}


def _without(why: str) -> Verdict:
    return Verdict("weights", 0, detail=why, skipped=True)


def _weights(subject: Subject, entry: Ledger, step: int, allowed: Bounds) -> Verdict:
    """Log-probabilities made again with the weights of before the step, against the trainer's and the engine's."""
    model = _model_before(subject, step)
    if model is None:
        return _without("the weights of before this step are gone")
    fresh = _log_probabilities(model, entry)
    trainers = proofs.agreement("weights", entry, fresh, allowed, "old_logps")
    faults = [*trainers.faults]
    if subject.inputs["engine"]["kind"] != "scripted":
        faults += proofs.against_engine("weights", entry, fresh, allowed).faults
    if len(entry.facts["updates"]) == 1 and not faults:
        faults += _fresh_loss(entry, fresh, allowed)
    sampled = sum(sum(row["mask"]) for row in entry.rows)
    return replace(trainers, faults=tuple(faults), checked=sampled, skipped=sampled == 0)


def _model_before(subject: Subject, step: int) -> Any:
    """The policy as it was before a step, ready to be asked; None where its weights are gone."""
    state = checkpoints.trained_weights(subject.folder, step) if step else {}
    if state is None:
        return None
    plain = {"precision": subject.inputs["precision"], "offload": False, "activation_checkpointing": False}
    lora = Rl.model_validate(subject.inputs["rl"]).lora
    begun = load.load_folder(subject.reads["policy"] / "model")
    model = weights_of.prepare(begun, plain, lora, seed=subject.inputs["seed"]).model.eval()
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, values in state.items():
            parameters[name].copy_(values)
    return model


def _fresh_loss(entry: Ledger, fresh: Mapping[int, list[float]], allowed: Bounds) -> list[Fault]:
    """The loss with fresh log-probabilities in place of the stored ones; it may differ as far as they may."""
    rows = [
        {**row, "old_logps": row["old_logps"] and fresh[index], "logps": None} for index, row in enumerate(entry.rows)
    ]
    again = proofs.loss(Ledger(entry.facts, rows), None, slack=allowed.most)
    return [replace(fault, message=f"with fresh log-probabilities: {fault.message}") for fault in again.faults]


def _log_probabilities(model: Any, entry: Ledger) -> dict[int, list[float]]:
    """Of every episode, by row, at the temperature that it was sampled at."""
    episodes = [ledger.trajectory(row) for row in entry.rows]
    made = {}
    for chunk in micro_batches(episodes, _TOKENS):
        batch = collate([episodes[index] for index in chunk], load.device())
        with torch.no_grad():
            logps_BT = token_logps(model, batch, entry.facts["temperature"]).logps_BT
        for row, index in enumerate(chunk):
            made[index] = logps_BT[row, : len(episodes[index].ids)].float().cpu().tolist()
    return made


def subject(folder: Path) -> Subject:
    """The RL step in a folder of the store, with the folders that it reads beside it."""
    recorded = json.loads((folder / "step.json").read_text(encoding="utf-8"))
    reads = {role: folder.parent / step for role, step in recorded["reads"].items()}
    return Subject(folder, recorded["inputs"], reads)
