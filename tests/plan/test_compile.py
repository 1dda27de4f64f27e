"""Which steps a spec compiles to, what their ids depend on, and what cells share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1ci.errors import UsageError
from r1ci.plan.compile import compile_plan, plan_from_json, plan_to_json
from r1ci.plan.steps import KINDS, Plan, Step
from r1ci.spec.load import load
from r1ci.spec.vocabulary import Vocabulary

PlanOf = Callable[..., Plan]
Sections = dict[str, Any]


def kinds(plan: Plan) -> list[str]:
    """The kinds of the plan's steps, in order."""
    return [step.kind for step in plan.steps.values()]


def roles(plan: Plan) -> Mapping[str, str]:
    """The steps of the only cell."""
    (cell,) = plan.cells
    return cell.steps


# ---------------------------------------------------------------- which steps


def test_a_whole_cell_has_one_step_per_kind_and_one_evaluation_per_checkpoint(plan_of: PlanOf) -> None:
    plan = plan_of()
    assert kinds(plan) == [*KINDS, "evaluation", "evaluation"]
    assert [role for role in roles(plan) if ":" in role] == [
        "evaluation:base:code_agent",
        "evaluation:sft:code_agent",
        "evaluation:rl:code_agent",
    ]


@pytest.mark.parametrize(
    ("until", "last", "evaluated"),
    [
        ("demonstrations", "demonstrations", []),
        ("sft", "sft", ["base", "sft"]),
        ("potential", "potential", ["base", "sft"]),
        ("partition", "partition", ["base", "sft"]),
        ("rl", "rl", ["base", "sft", "rl"]),
    ],
)
def test_until_cuts_the_cell(plan_of: PlanOf, until: str, last: str, evaluated: list[str]) -> None:
    found = roles(plan_of(until=until))
    assert [role.split(":")[1] for role in found if ":" in role] == evaluated
    assert [role for role in found if ":" not in role][-1] == last


def test_a_single_stage_needs_neither_potential_nor_partition(plan_of: PlanOf) -> None:
    plan = plan_of(curriculum={"stages": "single"})
    assert not {"potential", "partition"} & set(kinds(plan))
    assert set(plan.steps[roles(plan)["rl"]].reads) == {"questions", "policy"}


def test_a_random_partition_needs_no_potential(plan_of: PlanOf) -> None:
    plan = plan_of(partition={"by": "random"})
    assert "potential" not in kinds(plan)
    assert set(plan.steps[roles(plan)["partition"]].reads) == {"questions"}


def test_without_sft_rl_starts_from_the_model(plan_of: PlanOf) -> None:
    plan = plan_of(sft=None)
    found = roles(plan)
    assert "sft" not in found
    assert "evaluation:sft:code_agent" not in found
    assert plan.steps[found["rl"]].reads["policy"] == found["model"]


def test_a_model_on_disk_without_sft_needs_no_demonstrations(plan_of: PlanOf) -> None:
    assert "demonstrations" not in kinds(plan_of(sft=None, models=["./somewhere/model"]))


def test_only_the_named_checkpoints_are_evaluated_with_each_agent(plan_of: PlanOf) -> None:
    plan = plan_of(evaluation={"checkpoints": ["rl"], "agents": ["all_text", "code_agent"]})
    assert [role for role in roles(plan) if ":" in role] == ["evaluation:rl:all_text", "evaluation:rl:code_agent"]
    evaluations = [step for step in plan.steps.values() if step.kind == "evaluation"]
    assert [step.inputs["agent"]["kind"] for step in evaluations] == ["all_text", "code_agent"]


def test_with_nothing_to_ask_there_is_no_evaluation(plan_of: PlanOf) -> None:
    plan = plan_of(tasks={"train": {"new_questions_per_task": 0}, "test": {"include": []}})
    assert "evaluation" not in kinds(plan)


def test_edges_decide_how_many_groups_there_are(plan_of: PlanOf) -> None:
    plan = plan_of(partition={"edges": [0.6, 0.3]})
    assert plan.steps[roles(plan)["rl"]].inputs["groups"] == 3


def test_questions_hold_the_parameters_of_selected_tasks_only(plan_of: PlanOf) -> None:
    params = {"a/one": {"size": 3}, "a/two": {"size": 9}}
    plan = plan_of(tasks={"train": {"exclude": ["a/two"]}, "params": params})
    step = plan.steps[roles(plan)["questions"]]
    assert (step.inputs["train"], step.inputs["test"], step.inputs["params"]) == (
        ["a/one"],
        ["b/three"],
        {"a/one": {"size": 3}},
    )


def test_a_cell_that_trains_on_nothing_is_refused(plan_of: PlanOf) -> None:
    with pytest.raises(UsageError, match=r"variant 'default' selects no training tasks") as caught:
        plan_of(tasks={"train": {"include": ["c/*"]}})
    assert "r1ci ls tasks" in caught.value.help


def test_parameters_that_json_has_no_form_for_are_refused(plan_of: PlanOf) -> None:
    with pytest.raises(UsageError, match=r"tasks\.params holds a value"):
        plan_of(tasks={"params": {"a/one": {"p": float("nan")}}})


# ---------------------------------------------------------------- sharing and order


def test_cells_share_what_does_not_differ(plan_of: PlanOf) -> None:
    variants = {"curriculum": {}, "plain": {"curriculum": {"stages": "single"}}}
    plan = plan_of(variants=variants, models=["tiny", "qwen2.5-3b"], seeds=[0, 1])
    counted = {kind: kinds(plan).count(kind) for kind in KINDS}
    assert len(plan.cells) == 8
    # one per experiment: questions, demonstrations; a hub model has no seed; sft and potential per model and seed
    assert counted == {
        "questions": 1,
        "demonstrations": 1,
        "model": 2 + 1,
        "sft": 4,
        "potential": 4,
        "partition": 4,
        "rl": 8,
        "evaluation": 4 + 4 + 8,
    }


def test_every_step_comes_after_what_it_reads(plan_of: PlanOf) -> None:
    plan = plan_of(variants={"a": {}, "b": {"partition": {"by": "difficulty"}}}, seeds=[0, 1, 2])
    seen: set[str] = set()
    for step_id, step in plan.steps.items():
        assert set(step.reads.values()) <= seen
        seen.add(step_id)
    assert all(set(cell.steps.values()) <= seen for cell in plan.cells)


SPEC = """\
spec_version: 1
name: from-file
models: [tiny]
seeds: [0, 1]
variants:
  curriculum: {}
  plain: {curriculum.stages: single}
"""


def test_a_spec_file_compiles_to_the_plan_of_its_cells(plan_of: PlanOf, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    plan = compile_plan(load(path), Vocabulary({"a/one": "train", "a/two": "train", "b/three": "test"}))
    same = plan_of(seeds=[0, 1], variants={"curriculum": {}, "plain": {"curriculum": {"stages": "single"}}})
    assert plan.name == "from-file"
    assert [cell.name for cell in plan.cells] == [
        "curriculum/tiny/0",
        "curriculum/tiny/1",
        "plain/tiny/0",
        "plain/tiny/1",
    ]
    assert plan.steps == same.steps


# ---------------------------------------------------------------- ids


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values that are neither mappings nor lists."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def changed(value: Any, path: tuple[Any, ...]) -> Any:
    """A copy with the value at a path replaced by another."""
    if not path:
        return f"{value}'"
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:])
    return copy


def rehashed(plan: Plan, target: str, inputs: Mapping[str, Any]) -> dict[str, str]:
    """The id of every step, by its old id, when one step has other inputs."""
    ids: dict[str, str] = {}
    for step_id, step in plan.steps.items():
        reads = {role: ids[read] for role, read in step.reads.items()}
        ids[step_id] = Step(step.kind, inputs if step_id == target else step.inputs, reads).id
    return ids


def downstream(plan: Plan, target: str) -> set[str]:
    """A step and all that read it, directly or not."""
    found = {target}
    for step_id, step in plan.steps.items():
        if found & set(step.reads.values()):
            found.add(step_id)
    return found


@pytest.fixture(scope="module")
def sample(plan_of: PlanOf) -> Plan:
    """A plan with two variants, compiled once for the properties."""
    return plan_of(
        variants={"a": {}, "plain": {"curriculum": {"stages": "single"}}},
        tasks={"params": {"a/one": {"low": 1, "high": [2, 3]}}},
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_changing_any_input_changes_exactly_the_step_and_those_downstream(sample: Plan, data: st.DataObject) -> None:
    target = data.draw(st.sampled_from(sorted(sample.steps)))
    inputs = sample.steps[target].inputs
    path = data.draw(st.sampled_from(sorted(leaves(inputs), key=str)))
    ids = rehashed(sample, target, changed(inputs, path))
    assert {old for old, new in ids.items() if old != new} == downstream(sample, target)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_ids_do_not_depend_on_the_order_of_keys(sample: Plan, data: st.DataObject) -> None:
    step = sample.steps[data.draw(st.sampled_from(sorted(sample.steps)))]

    def shuffled(value: Any) -> Any:
        if isinstance(value, Mapping):
            keys = data.draw(st.permutations(sorted(value)))
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(inner) for inner in value] if isinstance(value, list) else value

    assert Step(step.kind, shuffled(step.inputs), shuffled(step.reads)).id == step.id


@pytest.mark.parametrize(
    ("sections", "first"),
    [
        ({"tasks": {"seed": 1}}, "questions"),
        ({"tasks": {"train": {"questions_per_task": 7}}}, "questions"),
        ({"demonstrations": {"max_per_task": 5}}, "demonstrations"),
        ({"models": [{"kind": "tiny", "name": "tiny", "layers": 2}]}, "model"),
        ({"sft": {"epochs": 1}}, "sft"),
        ({"potential": {"temperatures": [0.5]}}, "potential"),
        ({"partition": {"groups": 2}}, "partition"),
        ({"rl": {"group_size": 3}}, "rl"),
        ({"evaluation": {"temperature": 0.0}}, "evaluation"),
        ({"report": {"trajectories": 1}}, "evaluation"),
    ],
)
def test_a_change_of_the_spec_begins_at_the_step_it_concerns(plan_of: PlanOf, sections: Sections, first: str) -> None:
    before, after = roles(plan_of()), roles(plan_of(**sections))
    differ = [role for role in before if before[role] != after[role]]
    assert differ[0].split(":")[0] == first


@pytest.mark.parametrize(
    "sections",
    [
        {"executor": {"kind": "ray", "workers": 9}},
        {"executor": {"kind": "local", "workers": 1}},
        {"compute": {"workers": 2, "gpus_per_worker": 1, "cpus_per_worker": 3, "micro_batch_tokens": 5}},
        {"description": "other words", "report": {"baseline": "default"}},
        {"variants": {"other": {}}},
    ],
)
def test_how_and_where_it_runs_is_no_part_of_an_id(plan_of: PlanOf, sections: Sections) -> None:
    assert list(plan_of(**sections).steps) == list(plan_of().steps)


def test_limits_of_programs_and_precision_are_part_of_an_id(plan_of: PlanOf) -> None:
    plain = roles(plan_of())
    limited = roles(plan_of(executor={"kind": "local", "timeout_s": 3}))
    assert {role for role in plain if plain[role] == limited[role]} == {"questions"}
    rounded = roles(plan_of(compute={"precision": "bf16"}))
    assert plain["model"] == rounded["model"]
    assert plain["sft"] != rounded["sft"]


def test_a_seed_changes_neither_questions_nor_demonstrations(plan_of: PlanOf) -> None:
    one, two = roles(plan_of(seeds=[0])), roles(plan_of(seeds=[1]))
    assert {role for role in one if one[role] == two[role]} == {"questions", "demonstrations"}


def test_ids_are_equal_in_another_process(plan_of: PlanOf) -> None:
    plan = plan_of()
    code = (
        "import json, sys; from r1ci.plan.compile import plan_from_json; "
        "print(list(plan_from_json(json.load(sys.stdin)).steps))"
    )
    text = json.dumps(plan_to_json(plan), sort_keys=True)
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, env=environment)
    assert run.stdout.strip() == str(list(plan.steps)), run.stderr


def test_the_form_of_ids_is_fixed() -> None:
    """A change here makes every store out there compute everything again: only on purpose."""
    step = Step("sft", {"seed": 0, "sft": {"learning_rate": 1e-5, "notes": "\u00e9"}}, {"model": "model-1"})
    assert step.id == "sft-1886b5a3c64b3c1f"


# ---------------------------------------------------------------- what a step carries besides


def test_steps_carry_how_they_run(plan_of: PlanOf) -> None:
    plan = plan_of(
        executor={"kind": "ray", "workers": 9},
        compute={"workers": 2, "gpus_per_worker": 1, "cpus_per_worker": 4},
        engine={"kind": "vllm"},
        plugins=["mine"],
    )
    rl = plan.steps[roles(plan)["rl"]]
    assert rl.runtime["executor"]["workers"] == 9
    assert rl.runtime["compute"]["micro_batch_tokens"] == 16_384
    assert rl.runtime["plugins"] == ["mine"]
    assert (rl.resources.workers, rl.resources.cpus, rl.resources.gpus) == (2, 8, 2)
    potential = plan.steps[roles(plan)["potential"]]
    assert (potential.resources.workers, potential.resources.gpus) == (0, 1)


def test_the_json_form_reads_back_to_an_equal_plan(plan_of: PlanOf) -> None:
    plan = plan_of(variants={"a": {}, "b": {"sft": None}})
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))) == plan


def test_a_plan_edited_by_hand_is_refused(plan_of: PlanOf) -> None:
    data = plan_to_json(plan_of())
    data["steps"][0]["inputs"]["seed"] = 5
    with pytest.raises(UsageError, match=r"step questions-\w+ of the plan does not match its contents"):
        plan_from_json(data)


@pytest.mark.parametrize("data", [{}, {"version": 99}, {"version": 1, "name": "x", "steps": [{}], "cells": []}])
def test_what_is_no_plan_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"not a plan|has version 99"):
        plan_from_json(data)


def test_the_largest_experiment_has_one_plan_of_all_its_cells(plan_of: PlanOf) -> None:
    tasks = {f"suite/task{index}": "train" if index < 107 else "test" for index in range(144)}
    plan = plan_of(
        known=Vocabulary(tasks),
        models=["qwen2.5-3b", "qwen2.5-7b", "qwen2.5-14b"],
        seeds=[0, 1, 2, 3, 4],
        variants={"a": {}, "b": {"curriculum": {"stages": "single"}}, "c": {"partition": {"by": "difficulty"}}},
    )
    assert len(plan.cells) == 45
    assert len(plan.steps) == 185


def test_compiling_imports_nothing_heavy() -> None:
    code = (
        "import sys, r1ci.plan.compile, r1ci.plan.render; "
        "print({'ray', 'torch', 'polars', 'transformers'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "set()", run.stderr
