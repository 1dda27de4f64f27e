"""What the trials of a sweep share, and what they cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from r1ci.plan.sweep import SweepPlan, plan_sweep, shared_kinds, trial_plan
from r1ci.spec.diagnostics import SpecError
from r1ci.spec.sweep.load import load_sweep
from r1ci.spec.sweep.trials import proposals
from r1ci.spec.vocabulary import Vocabulary

BASE = """spec_version: 1
name: base
models: [tiny]
tasks: {train: {include: [rg/gcd]}, test: {include: [rg/count_bits]}}
evaluation: {checkpoints: [rl]}
"""
HEAD = "sweep_version: 1\nname: s\nspec: base.yaml\nmetric: {name: accuracy/new_questions, mode: max}\n"
KNOWN = Vocabulary({"rg/gcd": "train", "rg/count_bits": "test"}, frozenset({"rg/gcd"}))


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    return tmp_path


def plan(folder: Path, rest: str, done: frozenset[str] = frozenset()) -> SweepPlan:
    (folder / "sweep.yaml").write_text(HEAD + rest, encoding="utf-8")
    return plan_sweep(load_sweep(Path("sweep.yaml")), KNOWN, done.__contains__)


def grid(**keys: str) -> str:
    lines = "".join(f"  {key.replace('__', '.')}: {{kind: grid, values: {values}}}\n" for key, values in keys.items())
    return f"space:\n{lines}search: {{kind: grid}}\n"


def kinds_by_users(found: SweepPlan) -> dict[str, list[str]]:
    return {name: [step.kind for step in steps] for name, steps in shared_kinds(found)}


def test_steps_that_the_swept_key_does_not_touch_are_computed_once(folder: Path) -> None:
    found = plan(folder, grid(rl__learning_rate="[1e-5, 1e-4, 1e-3]"))
    assert kinds_by_users(found) == {
        "all 3 trials": ["questions", "demonstrations", "model", "sft", "potential", "partition"],
        "one trial": ["rl", "evaluation"] * 3,
    }


def test_a_key_of_sft_shares_what_comes_before_it(folder: Path) -> None:
    found = plan(folder, grid(sft__epochs="[1, 2]", rl__learning_rate="[1e-5, 1e-4]"))
    assert kinds_by_users(found) == {
        "all 4 trials": ["questions", "demonstrations", "model"],
        "several trials": ["sft", "potential", "partition"] * 2,
        "one trial": ["rl", "evaluation"] * 4,
    }


def test_seeds_are_cells_of_a_trial(folder: Path) -> None:
    (folder / "sweep.yaml").write_text(HEAD + grid(rl__top_p="[0.5]") + "seeds: [5, 7]\n", encoding="utf-8")
    resolved = load_sweep(Path("sweep.yaml"))
    found = trial_plan(resolved, next(proposals(resolved.sweep)), KNOWN)
    assert [(cell.variant, cell.seed) for cell in found.cells] == [("default", 5), ("default", 7)]
    assert found.name == "s-0000"


def test_what_is_saved_is_what_would_be_computed_again(folder: Path) -> None:
    found = plan(folder, grid(rl__learning_rate="[1e-5, 1e-4, 1e-3]"))
    shared = [step for step_id, step in found.steps.items() if len(found.users[step_id]) == 3]
    assert found.apart.steps == 24
    assert found.together.steps == 12
    assert found.apart.tokens - found.together.tokens == 2 * sum(step.estimate.tokens for step in shared)
    assert found.left == found.together


def test_finished_steps_are_not_left_and_finished_trials_need_not_run(folder: Path) -> None:
    rest = grid(rl__learning_rate="[1e-5, 1e-4]")
    first = plan(folder, rest).plans[0]
    found = plan(folder, rest, frozenset([*first.steps, "rl-of-another-run"]))
    assert found.done == set(first.steps)
    assert [found.finished(each) for each in found.plans] == [True, False]
    assert found.left.steps == 2
    assert found.together.steps == 10


def test_values_that_make_no_difference_are_named(folder: Path) -> None:
    found = plan(folder, grid(compute__micro_batch_tokens="[4096, 8192]", rl__group_size="[4, 8]"))
    assert found.twins == {2: 0, 3: 1}
    assert found.together.steps == 10


def test_every_step_comes_after_those_it_reads(folder: Path) -> None:
    found = plan(folder, grid(sft__epochs="[1, 2]", rl__group_size="[4, 8]"))
    order = {step_id: index for index, step_id in enumerate(found.steps)}
    assert all(order[read] < order[step_id] for step_id, step in found.steps.items() for read in step.reads.values())


def drawn(budget: str) -> str:
    return f"space: {{rl.top_p: {{kind: uniform, low: 0.5, high: 0.9}}}}\nsearch: {{kind: random}}\n{budget}\n"


def test_a_budget_of_time_lasts_for_the_trials_that_fit(folder: Path) -> None:
    two = plan(folder, drawn("trials: 2"))
    found = plan(folder, drawn(f"budget: {{time_s: {two.together.seconds - 1}}}"))
    assert [trial.values for trial in found.trials] == [trial.values for trial in two.trials]


def test_a_budget_of_tokens_counts_those_of_rl(folder: Path) -> None:
    one = plan(folder, drawn("trials: 1"))
    tokens = sum(step.estimate.tokens for step in one.steps.values() if step.kind == "rl")
    assert len(plan(folder, drawn(f"budget: {{tokens: {tokens}}}")).trials) == 1
    assert len(plan(folder, drawn(f"budget: {{tokens: {tokens + 1}}}")).trials) == 2


def test_finished_steps_use_nothing_up(folder: Path) -> None:
    one = plan(folder, drawn("trials: 1"))
    rest = drawn(f"budget: {{time_s: {one.together.seconds / 2}}}")
    assert len(plan(folder, rest).trials) == 1
    assert len(plan(folder, rest, frozenset(one.steps)).trials) == 2


def test_trials_and_a_budget_end_with_the_first(folder: Path) -> None:
    assert len(plan(folder, drawn("trials: 3\nbudget: {time_s: 1e9}")).trials) == 3


def test_a_trial_that_does_not_fit_its_gpu_is_an_error_at_the_value(folder: Path) -> None:
    sweep = (
        "set: {models: [qwen2.5-14b], compute.workers: 1, compute.gpus_per_worker: 1}\n"
        "space:\n  compute.precision: {kind: grid, values: [bf16, fp32]}\nsearch: {kind: grid}\n"
    )
    with pytest.raises(SpecError, match="does not fit"):
        plan(folder, sweep)
