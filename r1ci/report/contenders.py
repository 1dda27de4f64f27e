"""Who is compared: the rows of the leaderboard, and the training runs behind them.

Cells that share a step share its result, so whatever several variants have in common (the base model, usually SFT)
is one contender, and a variant that changes it gets its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from r1ci.errors import UsageError
from r1ci.report.data import Attempt, CellRecord, Findings
from r1ci.report.scores import Measure, by_question, mean_correct
from r1ci.report.stats import Scores

T = TypeVar("T")
MOST_DRAWN = 40
"""Variants with charts and columns of their own; where there are more, these are the baseline and the first others."""
SET_TITLES = {"new": "new questions of training tasks", "test": "test tasks"}
_STAGES = {"base": "base", "sft": "SFT"}


@dataclass(frozen=True)
class Family:
    """One step role of one model: the same step ids over seeds, shared by one or more variants."""

    variants: tuple[str, ...]
    model: str
    steps: Mapping[int, str]
    """Step id by seed."""


@dataclass(frozen=True)
class Contender:
    """A checkpoint evaluated with an agent: one row, its seeds grouped."""

    label: str
    """Unique, for charts and sentences."""
    name: str
    """base, SFT or the variant."""
    checkpoint: str
    """base, sft or rl."""
    variants: tuple[str, ...]
    model: str
    agent: str
    colour: int
    """Index of its colour, the same in every chart; 0 and 1 are the two neutral ones."""
    evaluations: Mapping[int, str]
    """Evaluation step id by seed."""


@dataclass(frozen=True)
class Comparison:
    """What every section computes from."""

    findings: Findings
    contenders: tuple[Contender, ...]
    baseline: str | None
    """Variant that the others are compared with; None where there is only one."""
    trajectories: int | None = None
    """Most of them that the viewer shows; None: as many as fit."""

    @property
    def variants(self) -> tuple[str, ...]:
        """Of all experiments, in the order of their specs."""
        return tuple(variant for experiment in self.findings.experiments for variant in experiment.variants)

    @cached_property
    def several_models(self) -> bool:
        """Whether labels must name the model."""
        return len({cell.model for cell in self.findings.cells}) > 1

    def draws(self, variants: Iterable[str]) -> bool:
        """Whether a row of these variants has charts of its own."""
        return not self._drawn.isdisjoint(variants)

    @cached_property
    def _drawn(self) -> frozenset[str]:
        baseline_first = sorted(self.variants, key=lambda variant: variant != self.baseline)
        return frozenset(baseline_first[:MOST_DRAWN])

    def colour(self, variant: str) -> int:
        """Index of a variant's colour."""
        return self._colours[variant]

    @cached_property
    def _colours(self) -> dict[str, int]:
        return {variant: 2 + index % 5 for index, variant in enumerate(self.variants)}

    def attempts(self, contender: Contender) -> tuple[Attempt, ...]:
        """Every attempt of every seed."""
        return tuple(a for step in contender.evaluations.values() for a in self.findings.attempts.get(step, ()))

    def scores(self, contender: Contender, set: str, measure: Measure = mean_correct) -> Scores:
        """Scores by seed, task and question."""
        found = {seed: self._scored(step, set, measure) for seed, step in contender.evaluations.items()}
        return {seed: tasks for seed, tasks in found.items() if tasks}

    def _scored(self, step: str, set: str, measure: Measure) -> Mapping[str, Mapping[str, float]]:
        """Of one evaluation: computed once, because a row takes part in several comparisons."""
        attempts = self.findings.attempts.get(step, ())
        return self.once((step, set, measure), lambda: by_question((a for a in attempts if a.set == set), measure))

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What several sections need, computed for the first of them."""
        if key not in self._known:
            self._known[key] = compute()
        return cast("T", self._known[key])

    @cached_property
    def _known(self) -> dict[Hashable, object]:
        return {}

    def sets(self) -> tuple[str, ...]:
        """The question sets that were evaluated, new questions first."""
        return tuple(name for name in SET_TITLES if name in self._most)

    def sample_sizes(self, set: str) -> tuple[int, ...]:
        """2, 4, 8, ... and all attempts per question; none where there is one."""
        most = self._most[set]
        doubled = [2**power for power in range(1, most.bit_length()) if 2**power < most]
        return (*doubled, most) if most > 1 else ()

    @cached_property
    def _most(self) -> dict[str, int]:
        """Most attempts at a question, by set."""
        found: dict[str, int] = {}
        for attempts in self.findings.attempts.values():
            for attempt in attempts:
                found[attempt.set] = max(found.get(attempt.set, 1), attempt.sample + 1)
        return found

    def baseline_of(self, contender: Contender) -> Contender | None:
        """The baseline variant's RL run with the same model and agent; None for the baseline itself."""
        if contender.checkpoint != "rl" or self.baseline is None or self.baseline in contender.variants:
            return None
        return self._peer(contender, "rl", self.baseline)

    def before_rl(self, contender: Contender) -> Contender | None:
        """What an RL run started from: its SFT model, or the base model where there is none."""
        if contender.checkpoint != "rl":
            return None
        variant = contender.variants[0]
        return self._peer(contender, "sft", variant) or self._peer(contender, "base", variant)

    def before_sft(self, contender: Contender) -> Contender | None:
        """The base model that an SFT model started from."""
        return self._peer(contender, "base", contender.variants[0]) if contender.checkpoint == "sft" else None

    def _peer(self, contender: Contender, checkpoint: str, variant: str) -> Contender | None:
        wanted = (contender.model, contender.agent, checkpoint)
        return next(
            (c for c in self.contenders if (c.model, c.agent, c.checkpoint) == wanted and variant in c.variants), None
        )


def families(cells: Iterable[CellRecord], role: str) -> tuple[Family, ...]:
    """The distinct runs of a role, in the order of the cells."""
    steps: dict[tuple[str, str], dict[int, str]] = {}
    for cell in cells:
        if role in cell.steps:
            steps.setdefault((cell.model, cell.variant), {})[cell.seed] = cell.steps[role]
    variants: dict[tuple[str, tuple[tuple[int, str], ...]], list[str]] = {}
    for (model, variant), of in steps.items():
        variants.setdefault((model, tuple(sorted(of.items()))), []).append(variant)
    return tuple(Family(tuple(names), model, dict(of)) for (model, of), names in variants.items())


def compare(findings: Findings, baseline: str | None) -> Comparison:
    """Find the contenders and settle the baseline: as given, else the spec's, else the last variant.

    Raises:
        UsageError: no variant is called like the baseline.
    """
    partial = Comparison(findings, (), _baseline(findings, baseline))
    roles = dict.fromkeys(role for cell in findings.cells for role in cell.steps if role.startswith("evaluation:"))
    order = {"base": 0, "sft": 1, "rl": 2}
    found: list[Contender] = []
    models = tuple(dict.fromkeys(cell.model for cell in findings.cells))
    agents = tuple(dict.fromkeys(role.split(":")[2] for role in roles))
    for role in roles:
        of_role = families(findings.cells, role)
        found += (_contender(partial, role, family, of_role, len(models) > 1, len(agents) > 1) for family in of_role)
    found.sort(key=lambda c: (models.index(c.model), agents.index(c.agent), order.get(c.checkpoint, 3)))
    return Comparison(findings, tuple(found), partial.baseline)


def _contender(
    comparison: Comparison, role: str, family: Family, of_role: tuple[Family, ...], models: bool, agents: bool
) -> Contender:
    _, checkpoint, agent = role.split(":")
    joined = ", ".join(family.variants)
    alone = sum(other.model == family.model for other in of_role) == 1
    stage = _STAGES.get(checkpoint)
    name = joined if stage is None else stage if alone else f"{stage} ({joined})"
    label = " / ".join([name] + [family.model] * models + [agent] * agents)
    colour = {"base": 0, "sft": 1}.get(checkpoint)
    return Contender(
        label=label,
        name=name,
        checkpoint=checkpoint,
        variants=family.variants,
        model=family.model,
        agent=agent,
        colour=comparison.colour(family.variants[0]) if colour is None else colour,
        evaluations=family.steps,
    )


def _baseline(findings: Findings, asked: str | None) -> str | None:
    variants = [variant for experiment in findings.experiments for variant in experiment.variants]
    if asked is not None:
        fitting = [variant for variant in variants if variant == asked or variant.endswith(f"/{asked}")]
        if not fitting:
            raise UsageError(f"no variant {asked!r} to be the baseline", f"the variants are: {', '.join(variants)}")
        return fitting[-1]
    if len(variants) < 2:
        return None
    last = findings.experiments[-1]
    named = last.spec.get("report", {}).get("baseline")
    fitting = [variant for variant in last.variants if named and variant.split("/")[-1] == named]
    return (fitting or list(last.variants))[-1]
