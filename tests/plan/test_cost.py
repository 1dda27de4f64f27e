"""What the estimates say, against figures known from elsewhere, and what they depend on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from r1ci.plan.assumptions import episode, number, shape_of
from r1ci.plan.render import totals
from r1ci.plan.steps import Estimate, Plan
from r1ci.spec.models import AgentSpec, HubModel
from r1ci.spec.vocabulary import Vocabulary

PlanOf = Callable[..., Plan]

PAPER: dict[str, Any] = {
    "models": ["qwen2.5-7b"],
    "executor": {"kind": "ray", "workers": 320},
    "engine": {"kind": "vllm"},
    "demonstrations": {"teacher": {"kind": "openai", "model": "gpt-4o"}, "attempts": 4},
    "compute": {"workers": 16, "gpus_per_worker": 1, "precision": "bf16", "activation_checkpointing": True},
    "known": Vocabulary({f"suite/{index}": "train" if index < 107 else "test" for index in range(144)}),
}


def costs(plan: Plan) -> dict[str, Estimate]:
    """The estimates of the first cell's steps, by role."""
    return {role: plan.steps[step_id].estimate for role, step_id in plan.cells[0].steps.items()}


def test_the_papers_experiment_costs_hundreds_of_gpu_hours_and_fits_its_gpus(plan_of: PlanOf) -> None:
    """The paper reports 1,845 GPU-hours on 16 H100, model size not said."""
    plan = plan_of(**PAPER)
    assert 200 < totals(plan.steps.values()).gpu_hours < 1845
    assert 8_000 < costs(plan)["sft"].memory_mb < 80_000
    assert costs(plan)["rl"].gpu_hours > 0.8 * totals(plan.steps.values()).gpu_hours


def test_a_larger_model_costs_more_time_and_memory(plan_of: PlanOf) -> None:
    small = costs(plan_of(**{**PAPER, "models": ["qwen2.5-3b"]}))
    large = costs(plan_of(**{**PAPER, "models": ["qwen2.5-14b"]}))
    for role in ("sft", "potential", "rl"):
        assert small[role].seconds < large[role].seconds
    assert small["sft"].memory_mb < large["sft"].memory_mb


def test_a_tiny_model_on_two_cores_costs_minutes_and_no_gpu(plan_of: PlanOf) -> None:
    """Known from a test run: 220 SFT steps of 32 demonstrations of a 1.8 M model took 80 s on two cores."""
    plan = plan_of(
        known=Vocabulary({f"suite/{index}": "train" for index in range(10)}),
        agent={"turn_tokens": 160, "context_tokens": 512, "max_output_tokens": 128},
        compute={"cpus_per_worker": 2},
        sft={"batch_size": 32, "epochs": 10},
    )
    sft = costs(plan)["sft"]
    per_step = sft.seconds / (10 * 700 / 32)
    assert 0.1 < per_step < 2.0
    assert totals(plan.steps.values()).gpu_hours == 0
    assert sft.memory_mb < 3_000


def test_more_work_costs_more_and_more_machines_take_less_time(plan_of: PlanOf) -> None:
    base = costs(plan_of(**PAPER))["rl"]
    longer = costs(plan_of(**{**PAPER, "curriculum": {"steps_per_stage": 300}}))["rl"]
    wider = costs(plan_of(**{**PAPER, "compute": {**PAPER["compute"], "workers": 32}}))["rl"]
    assert longer.tokens == 2 * base.tokens
    assert longer.seconds == pytest.approx(2 * base.seconds, rel=0.01)
    assert wider.seconds < base.seconds
    assert wider.tokens == base.tokens


def test_a_scripted_engine_generates_for_nothing_and_needs_no_memory(plan_of: PlanOf) -> None:
    cost = costs(plan_of(engine={"kind": "scripted", "replies": ["x"]}))["evaluation:base:code_agent"]
    assert "engine" not in cost.formulas["memory_mb"]
    assert "generation" not in cost.formulas["seconds"]


def test_evaluation_during_training_is_part_of_the_cost(plan_of: PlanOf) -> None:
    plain, checked = costs(plan_of())["rl"], costs(plan_of(rl={"evaluate_every": 10}))["rl"]
    assert checked.tokens > plain.tokens
    assert "to evaluate on new questions" in checked.formulas["tokens"]


@pytest.mark.parametrize(
    ("rl", "passes"),
    [
        ({}, "6 update + 2 activations made again + 2 reference"),
        ({"objective": {"kl_coefficient": 0}}, "6 update + 2 activations made again"),
        ({"objective": {"kl_coefficient": 0}, "updates_per_step": 4}, "again + 2 log-probabilities before"),
        ({"objective": {"kl_in": "reward"}}, "again + 2 log-probabilities before + 4 reference"),
        ({"objective": {"kl_in": "return"}, "updates_per_step": 4}, "again + 2 log-probabilities before + 4 reference"),
        ({"lora": {}}, "4 update of adapters + 2 activations made again + 2 reference"),
        ({"preset": "ppo", "objective": {"kl_coefficient": 0}}, "again + 10 critic"),
    ],
)
def test_every_pass_of_a_step_of_rl_is_paid_for(plan_of: PlanOf, rl: dict[str, Any], passes: str) -> None:
    assert f"{passes}) x " in costs(plan_of(**{**PAPER, "rl": rl}))["rl"].formulas["seconds"]


def test_a_kl_in_the_reward_makes_training_dearer_by_its_passes(plan_of: PlanOf) -> None:
    rates = [
        costs(plan_of(**{**PAPER, "rl": {"objective": {"kl_in": name}}}))["rl"].rates["trained"]
        for name in ("loss", "reward")
    ]
    assert rates[0] / rates[1] == pytest.approx(14 / 10, rel=0.02)


def test_training_reads_a_prompt_once_for_all_episodes_of_its_question(plan_of: PlanOf) -> None:
    rl = {"batch_questions": 10, "group_size": 4}
    found = costs(plan_of(**{**PAPER, "rl": rl, "curriculum": {"steps_per_stage": 5}}))["rl"]
    read = 4 * 5 * 10 * (512 + 4 * (3 * 512 + 2 * 128))
    assert f"; {number(read)} tokens trained on" in found.formulas["tokens"]
    assert f"parameters x {number(read)} tokens" in found.formulas["seconds"]


def test_dynamic_sampling_samples_more_within_stated_bounds_and_trains_on_as_much(plan_of: PlanOf) -> None:
    plain, dynamic = (
        costs(plan_of(**{**PAPER, "rl": {"dynamic_sampling": choice}}))["rl"] for choice in (None, {"max_rounds": 3})
    )
    assert plain.tokens < dynamic.tokens < 4 * plain.tokens
    assert dynamic.rates["trained"] == plain.rates["trained"]
    assert "1.98 batches by dynamic sampling (from 1 to 4)" in dynamic.formulas["tokens"]
    assert dynamic.assumed["groups_with_signal"] == 0.5
    assert dynamic.assumed["batches_sampled_per_step"] == pytest.approx(1 + 0.75 + 0.1875 + 0.046875)
    assert dynamic.assumed["batches_sampled_at_most"] == 4
    assert "groups_with_signal" not in plain.assumed


def test_dynamic_sampling_stops_where_less_than_a_question_is_missing(plan_of: PlanOf) -> None:
    rl = {"batch_questions": 2, "dynamic_sampling": {"max_rounds": 3, "over_sampling": 2.0}}
    assert costs(plan_of(rl=rl))["rl"].assumed["batches_sampled_per_step"] == 2


def test_an_engine_apart_samples_while_the_trainer_trains(plan_of: PlanOf) -> None:
    """The step takes as long as the slower of the two, which the formula says."""
    apart = costs(plan_of(**{**PAPER, "engine": {"kind": "vllm", "placement": "actors"}}))["rl"]
    beside = costs(plan_of(**PAPER))["rl"]
    assert apart.seconds < beside.seconds
    assert apart.formulas["seconds"].startswith("the longer of (generation ")


def test_agents_differ_in_turns_and_programs() -> None:
    shapes = {kind: episode(AgentSpec(), kind) for kind in ("all_text", "all_code", "code_agent", "codesteer")}
    assert {kind: (shape.turns, shape.calls) for kind, shape in shapes.items()} == {
        "all_text": (1, 0),
        "all_code": (1, 1),
        "code_agent": (3, 2),
        "codesteer": (4, 3),
    }
    assert shapes["code_agent"].total == 512 + 3 * 512 + 2 * 128


def test_an_unknown_model_gets_a_shape_that_matches_its_size() -> None:
    shape = shape_of(HubModel(name="other", path="someone/other"), 7_000_000_000)
    assert 12 * shape.layers * shape.width**2 == pytest.approx(7e9, rel=0.1)


@pytest.mark.parametrize("model", ["tiny", "smollm2-135m", "qwen2.5-7b", "./some/model"])
@pytest.mark.parametrize("compute", [{}, {"workers": 4, "gpus_per_worker": 2, "precision": "bf16"}])
@pytest.mark.parametrize("engine", ["hf", "vllm"])
def test_every_figure_has_its_formula_with_numbers(
    plan_of: PlanOf, model: str, compute: dict[str, Any], engine: str
) -> None:
    for step in plan_of(models=[model], compute=compute, engine={"kind": engine}).steps.values():
        cost = step.estimate
        assert cost.seconds > 0
        assert cost.memory_mb > 0
        for figure in ("seconds", "memory_mb"):
            assert re.search(r"\d", cost.formulas[figure]), step.kind
        assert ("gpu_hours" in cost.formulas) == (step.resources.gpus > 0)
        assert (cost.gpu_hours > 0) == (step.resources.gpus > 0)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1.5, "1.5"), (1536, "1,536"), (999_999, "999,999"), (7.6156e9, "7.62e9")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
