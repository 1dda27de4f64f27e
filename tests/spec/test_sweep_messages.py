"""Whole error messages of sweeps, as a user reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from r1ci.spec.diagnostics import Diagnostic, SpecError, render
from r1ci.spec.sweep.load import load_resolved_sweep, load_sweep
from r1ci.spec.vocabulary import Vocabulary

BASE = """spec_version: 1
name: base
models: [tiny]
tasks: {train: {include: [rg/gcd]}, test: {include: [rg/count_bits]}}
variants:
  curriculum: {rl.group_size: 6}
  plain: {curriculum.stages: single}
"""
HEAD = "sweep_version: 1\nname: s\nspec: base.yaml\nmetric: {name: accuracy/new_questions, mode: max}\n"
SIZE = "space:\n  rl.group_size: {kind: grid, values: [4, 8]}\n"
GRID = "search: {kind: grid}\n"
RANDOM = "search: {kind: random}\ntrials: 2\n"


def refuse(folder: Path, text: str, overrides: Sequence[str] = (), known: Vocabulary | None = None) -> str:
    """What is wrong with a sweep, rendered; the required keys are put before it unless it has them."""
    (folder / "base.yaml").write_text(BASE, encoding="utf-8")
    whole = text if "sweep_version" in text else HEAD + text
    (folder / "sweep.yaml").write_text(whole, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_sweep(Path("sweep.yaml"), environ={}, overrides=overrides, known=known)
    problems: tuple[Diagnostic, ...] = caught.value.diagnostics
    return "\n" + render(problems)


def space(*lines: str) -> str:
    return "space:\n" + "".join(f"  {line}\n" for line in lines)


CASES: dict[str, str] = {
    # Keys.
    "unknown key of the sweep": SIZE + GRID + "trails: 3\n",
    "key of a spec in a sweep": SIZE + GRID + "rl: {group_size: 4}\n",
    "unknown key": space("rl.learning_rat: {kind: grid, values: [1e-4]}") + GRID,
    "unknown section": space("rll.learning_rate: {kind: uniform, low: 0.1, high: 0.2}") + RANDOM,
    "key without its section": space("learning_rate: {kind: grid, values: [1e-4]}") + GRID,
    "key past a value": space("rl.group_size.x: {kind: grid, values: [1e-4]}") + GRID,
    "empty part": space("rl..group_size: {kind: grid, values: [4]}") + GRID,
    "item past the end": space("rewards.7.weight: {kind: grid, values: [1.0, 2.0]}") + GRID,
    "key of another kind": space("partition.score.a: {kind: grid, values: [1.0, 2.0]}") + GRID,
    "key that no sweep changes": space("seeds: {kind: grid, values: [[0], [1]]}", "name: {kind: grid, values: [a]}")
    + GRID,
    "key of a variant": space("variants.plain.rl.group_size: {kind: grid, values: [4]}") + GRID,
    "key that set fixes": "set: {rl: {group_size: 4}}\n" + SIZE + GRID,
    "key that set fixes in a section": "set: {rl.objective.eps: 0.1}\n"
    + space("rl: {kind: grid, values: [{group_size: 4}]}")
    + GRID,
    "key in another one": space(
        "partition: {kind: grid, values: [{by: random}]}", "partition.groups: {kind: grid, values: [2, 3]}"
    )
    + GRID,
    "unknown key in set": "set: {rl.group_sise: 4}\n" + SIZE + GRID,
    "wrong value in set": "set:\n  rl.top_p: 2\n  seeds: [1]\n" + SIZE + GRID,
    # Values.
    "wrong type": space("rl.group_size: {kind: grid, values: [4, four]}") + GRID,
    "no integer": space("rl.group_size: {kind: grid, values: [4, 4.5]}") + GRID,
    "null": space("rl.group_size: {kind: grid, values: [4, null]}") + GRID,
    "not allowed": space("rl.optimizer: {kind: choice, values: [muon, adam]}") + RANDOM,
    "list for a number": space("rl.group_size: {kind: grid, values: [[4, 8]]}") + GRID,
    "listed twice": space("rl.group_size: {kind: grid, values: [4, 8, 4]}") + GRID,
    "equal numbers": space("rl.top_p: {kind: grid, values: [1, 1.0]}") + GRID,
    "no values": space("rl.group_size: {kind: grid, values: []}") + GRID,
    "value for a list": space("rl.group_size: {kind: grid, values: 4}") + GRID,
    "list for a dimension": space("rl.group_size: [4, 8]") + GRID,
    "value that needs another key": space("executor.kind: {kind: grid, values: [local, http]}") + GRID,
    "values wrong together": "set: {rl.objective.clip_high: null}\n"
    + space(
        "rl.objective.kl_unbiased: {kind: grid, values: [false, true]}",
        "rl.objective.kl_in: {kind: grid, values: [loss, reward]}",
    )
    + GRID,
    # Ranges.
    "above the range": space("rl.top_p: {kind: uniform, low: 0.5, high: 1.5}") + RANDOM,
    "below the range": space("rl.top_p: {kind: quniform, low: 0, high: 1, q: 0.25}") + RANDOM,
    "integers below the range": space("rl.group_size: {kind: randint, low: -3, high: 8}") + RANDOM,
    "low above high": space("rl.top_p: {kind: uniform, low: 0.9, high: 0.5}") + RANDOM,
    "logarithm of nothing": space("rl.learning_rate: {kind: loguniform, low: 0, high: 1e-3}") + RANDOM,
    "q too large": space("rl.top_p: {kind: quniform, low: 0.5, high: 0.9, q: 0.5}") + RANDOM,
    "no q": space("rl.top_p: {kind: quniform, low: 0.5, high: 0.9}") + RANDOM,
    "step too large": space("rl.group_size: {kind: randint, low: 4, high: 6, step: 3}") + RANDOM,
    "bound that is no number": space("rl.top_p: {kind: uniform, low: small, high: .inf}") + RANDOM,
    "infinite bound": space("rl.top_p: {kind: uniform, low: 0.5, high: .inf}") + RANDOM,
    "real numbers for an integer": space("rl.group_size: {kind: uniform, low: 4, high: 8}") + RANDOM,
    "numbers for text": space("rl.optimizer: {kind: randint, low: 4, high: 8}") + RANDOM,
    "numbers for true and false": space("executor.sessions: {kind: uniform, low: 0, high: 1}") + RANDOM,
    "numbers for a section": space("rl.critic: {kind: loguniform, low: 0.1, high: 1}") + RANDOM,
    # Kinds.
    "unknown kind": space("rl.group_size: {kind: gird, values: [4, 8]}") + GRID,
    "no kind": space("rl.group_size: {values: [4, 8]}") + GRID,
    "key of another dimension": space("rl.top_p: {kind: uniform, low: 0.1, high: 0.2, values: [1]}") + RANDOM,
    "choice in a grid": space("rl.group_size: {kind: choice, values: [4, 8]}") + GRID,
    "grid for optuna": SIZE + "search: {kind: optuna}\ntrials: 2\n",
    "nothing to draw": SIZE + "search: {kind: random}\ntrials: 2\n",
    "empty space": "space: {}\n" + GRID,
    # Conditions.
    "condition on nothing": space("rl.group_size: {kind: grid, values: [4], when: {rl.optimiser: muon}}") + GRID,
    "condition that never holds": space(
        "rl.optimizer: {kind: grid, values: [adamw, muon]}",
        "rl.group_size: {kind: grid, values: [4], when: {rl.optimizer: mun}}",
    )
    + GRID,
    "condition outside a range": space(
        "rl.group_size: {kind: randint, low: 4, high: 8, step: 2}",
        "rl.top_p: {kind: uniform, low: 0.5, high: 0.9, when: {rl.group_size: 5}}",
    )
    + RANDOM,
    "condition on a number": space(
        "rl.top_p: {kind: uniform, low: 0.5, high: 0.9}",
        "rl.group_size: {kind: choice, values: [4], when: {rl.top_p: 0.7}}",
    )
    + RANDOM,
    "condition on itself": space("rl.group_size: {kind: grid, values: [4], when: {rl.group_size: 4}}") + GRID,
    "conditions in a circle": space(
        "rl.optimizer: {kind: grid, values: [adamw, muon], when: {rl.group_size: 4}}",
        "rl.group_size: {kind: grid, values: [4], when: {rl.optimizer: muon}}",
    )
    + GRID,
    "grid that depends on a draw": space(
        "rl.optimizer: {kind: choice, values: [adamw, muon]}",
        "rl.group_size: {kind: grid, values: [4], when: {rl.optimizer: muon}}",
    )
    + RANDOM,
    # The metric.
    "no metric": f"sweep_version: 1\nname: s\nspec: base.yaml\n{SIZE}{GRID}",
    "unknown metric": HEAD.replace("new_questions", "new_question") + SIZE + GRID,
    "unknown column": HEAD.replace("accuracy/new_questions", "rl/rewards") + SIZE + GRID,
    "unknown reward term": HEAD.replace("accuracy/new_questions", "rl/reward/corectness") + SIZE + GRID,
    "no mode": HEAD.replace(", mode: max", "") + SIZE + GRID,
    "wrong mode": HEAD.replace("mode: max", "mode: maximum") + SIZE + GRID,
    "metric of what is not evaluated": "set: {evaluation.checkpoints: [sft], evaluation.agents: [all_code]}\n"
    + SIZE
    + GRID,
    "metric without new questions": "set: {tasks.train.new_questions_per_task: 0}\n" + SIZE + GRID,
    "metric without a model": "set: {until: demonstrations}\n" + SIZE + GRID,
    "metric that is never logged": HEAD.replace("accuracy/new_questions", "rl/new_accuracy") + SIZE + GRID,
    "metric that some trials do not log": HEAD.replace("accuracy/new_questions", "rl/kl")
    + space("rl.objective.kl_coefficient: {kind: grid, values: [0.1, 0.0]}")
    + GRID,
    "metric of RL without RL": HEAD.replace("accuracy/new_questions", "rl/reward")
    + "set: {until: sft}\n"
    + SIZE
    + GRID,
    # How long.
    "nothing ends it": space("rl.top_p: {kind: uniform, low: 0.5, high: 0.9}") + "search: {kind: random}\n",
    "empty budget": SIZE.replace("grid", "choice") + "search: {kind: random}\nbudget: {}\n",
    "unknown budget": SIZE.replace("grid", "choice") + "search: {kind: random}\nbudget: {hours: 2}\n",
    "budget that never ends": SIZE.replace("grid", "choice") + "search: {kind: random}\nbudget: {gpu_hours: 2}\n",
    "trials of a grid": SIZE + GRID + "trials: 3\n",
    "no trials": SIZE.replace("grid", "choice") + "search: {kind: random}\ntrials: 0\n",
    "more trials than there are": SIZE.replace("grid", "choice") + "search: {kind: random}\ntrials: 3\n",
    "fewer trials than the grid": space(
        "rl.group_size: {kind: grid, values: [4, 8, 16]}", "rl.top_p: {kind: uniform, low: 0.5, high: 0.9}"
    )
    + RANDOM,
    "grid too large": space(
        *(
            f"rl.objective.{key}: {{kind: grid, values: [{', '.join(map(str, range(1, 25)))}]}}"
            for key in ("eps", "overlong_penalty", "entropy_coefficient")
        )
    )
    + GRID,
    "seed twice": SIZE + GRID + "seeds: [0, 1, 0]\n",
    "no seeds": SIZE + GRID + "seeds: []\n",
    # Schedulers.
    "pbt": SIZE + GRID + "scheduler: {kind: pbt, grace: 3}\n",
    "unknown scheduler": SIZE + GRID + "scheduler: {kind: hyperband}\n",
    "no grace": SIZE + GRID + "scheduler: {kind: asha}\n",
    "no such resource": SIZE + GRID + "scheduler: {kind: median, resource: hours, grace: 2}\n",
    "reduction too small": SIZE + GRID + "scheduler: {kind: asha, grace: 2, reduction: 1}\n",
    "nothing to stop by": SIZE + GRID + "scheduler: {kind: asha, grace: 2}\n",
    "nothing to stop": "set: {until: sft}\n" + SIZE + GRID + "scheduler: {kind: median, grace: 2}\n",
    "grace that outlives the trial": "set: {rl.evaluate_every: 5, curriculum.steps_per_stage: 10}\n"
    + SIZE
    + GRID
    + "scheduler: {kind: asha, grace: 40}\n",
    # Specs.
    "no spec": f"sweep_version: 1\nname: s\nmetric: {{name: rl/reward, mode: max}}\n{SIZE}{GRID}",
    "spec and specs": HEAD + "specs: [base.yaml]\n" + SIZE + GRID,
    "missing spec": HEAD.replace("base.yaml", "bsae.yaml") + SIZE + GRID,
    "spec twice": HEAD.replace("spec: base.yaml", "specs: [base.yaml, base.yaml]") + SIZE + GRID,
    "unknown variant": SIZE + GRID + "variant: curiculum\n",
    "two models": "set: {models: [tiny, qwen2.5-3b]}\n" + SIZE + GRID,
    "specs for optuna": HEAD.replace("spec: base.yaml", "specs: [base.yaml, ./base.yaml]")
    + SIZE.replace("grid", "choice")
    + "search: {kind: optuna}\ntrials: 2\n",
    # The file.
    "bad name": HEAD.replace("name: s", "name: my sweep") + SIZE + GRID,
    "version of the future": HEAD.replace("sweep_version: 1", "sweep_version: 2") + SIZE + GRID,
    "yaml": "space: {rl.group_size: {kind: grid, values: [4, 8}}\n" + GRID,
    "several at once": space(
        "rl.group_sise: {kind: grid, values: [4, 8]}",
        "rl.top_p: {kind: grid, values: [0.5, 2, 3]}",
        "rl.optimizer: {kind: grid, values: [sgd]}",
    )
    + GRID,
}


@pytest.mark.parametrize("case", CASES)
def test_message(case: str, folder: Path, snapshot: SnapshotAssertion) -> None:
    assert refuse(folder, CASES[case]) == snapshot


OVERRIDES = {
    "of the wrong type": ["space.rl.group_size.values=[4, four]", "scheduler.kind=asha"],
    "of an unknown key": ["trails=4"],
    "of an unknown key of the spec": ["set.rl.top_pp=4"],
    "without a value": ["trials"],
    "past the end": ["space.rl.group_size.values.2=16"],
    "that appends": ["space.rl.group_size.values+=[16]"],
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_message_of_an_override(case: str, folder: Path, snapshot: SnapshotAssertion) -> None:
    assert refuse(folder, SIZE + GRID, OVERRIDES[case]) == snapshot


def test_message_of_a_spec_that_is_wrong_itself(folder: Path, snapshot: SnapshotAssertion) -> None:
    (folder / "other.yaml").write_text("spec_version: 1\nname: x\nmodels: [tiny]\nrl: {group_sise: 4}\n")
    assert refuse(folder, HEAD.replace("base.yaml", "other.yaml") + SIZE + GRID) == snapshot


def test_message_of_a_trial_whose_tasks_are_unknown(
    folder: Path, known: Vocabulary, snapshot: SnapshotAssertion
) -> None:
    text = space("tasks.train.include: {kind: grid, values: [[rg/gcd], [rg/gdc]]}") + GRID
    assert refuse(folder, text, known=known) == snapshot


def test_message_of_a_metric_without_test_tasks(folder: Path, known: Vocabulary, snapshot: SnapshotAssertion) -> None:
    text = HEAD.replace("new_questions", "test_tasks") + "set: {tasks.test.include: []}\n" + SIZE + GRID
    assert refuse(folder, text, known=known) == snapshot


@pytest.mark.parametrize("content", ["", "{", "{}", '{"sweep": {}, "bases": {}}', '{"sweep": 1, "bases": 2}', None])
def test_a_resolved_sweep_that_is_none_is_an_error(content: str | None, folder: Path) -> None:
    if content is not None:
        (folder / "resolved.json").write_text(content)
    with pytest.raises(SpecError):
        load_resolved_sweep(Path("resolved.json"))
