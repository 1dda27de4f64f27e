"""Every rule of the linter: what it finds, and what it lets pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from r1ci.spec.diagnostics import Diagnostic, SpecError, render
from r1ci.spec.lint import lint
from r1ci.spec.load import Resolved
from r1ci.spec.rules import RULES
from r1ci.spec.vocabulary import Vocabulary

Load = Callable[..., Resolved]

QUIET = [
    "tasks.train.include=[rg/gcd, rg/lcm]",
    "tasks.test.include=[rg/count_bits]",
    "tasks.train.questions_per_task=256",
]
"""With these the default spec has nothing for the linter."""

FOUND = [
    ("unknown-task", "error", ["tasks.train.include+=[rg/gdc]"], "tasks.train.include.2"),
    ("unknown-task", "error", ["tasks.train.include+=[gcd]"], "tasks.train.include.2"),
    ("unknown-task", "error", ["tasks.train.exclude=['xx/*']"], "tasks.train.exclude.0"),
    ("unknown-task", "error", ["tasks.train.include+=[rg/count_bits]"], "tasks.train.include.2"),
    ("unknown-task", "error", ["tasks.params={rg/gdc: {n: 1}}"], "tasks.params.rg/gdc"),
    ("unknown-source", "error", ["tasks.train.sources=[rg, bbb]"], "tasks.train.sources.1"),
    ("unknown-source", "error", ["tasks.leave_out=symbnech"], "tasks.leave_out"),
    ("no-training-tasks", "error", ["tasks.train.exclude=['*']"], "tasks.train"),
    ("no-training-tasks", "error", ["tasks.leave_out=rg"], "tasks.train"),
    ("unused-params", "warning", ["tasks.params={rg/word_sorting: {n: 1}}"], "tasks.params.rg/word_sorting"),
    (
        "evaluation-overlaps-training",
        "error",
        ["tasks.test.split=any", "tasks.test.include=[rg/gcd]"],
        "tasks.test",
    ),
    (
        "evaluation-overlaps-training",
        "warning",
        [
            "tasks.train.include=[rg/word_sorting]",
            "tasks.test.include=[bbh/word_sorting]",
            "demonstrations.teacher={kind: openai, model: m}",
        ],
        "tasks.test",
    ),
    (
        "sft-rl-overlap",
        "warning",
        ["demonstrations.teacher={kind: file, path: x.jsonl}"],
        "demonstrations.teacher.path",
    ),
    ("teacher-without-program", "error", ["tasks.train.include=[rg/word_sorting]"], "demonstrations.teacher"),
    ("teacher-without-program", "warning", ["tasks.train.include+=[rg/word_sorting]"], "demonstrations.teacher"),
    ("group-size-one", "error", ["rl.group_size=1"], "rl.group_size"),
    (
        "group-size-one",
        "error",
        ["rl.group_size=1", "rl.objective.baseline=none", "rl.objective.scale=group"],
        "rl.group_size",
    ),
    ("critic-and-group", "error", ["rl.critic={}"], "rl.critic"),
    ("critic-and-group", "error", ["rl.preset=ppo", "rl.critic=null"], "rl.critic"),
    ("critic-and-group", "error", ["rl.preset=ppo", "rl.objective.scale=group"], "rl.critic"),
    (
        "dynamic-sampling",
        "error",
        ["rl.dynamic_sampling={}", "rl.group_size=1", "rl.objective.baseline=none", "rl.objective.scale=none"],
        "rl.dynamic_sampling",
    ),
    (
        "dynamic-sampling",
        "warning",
        ["rl.dynamic_sampling={}", "tasks.train.questions_per_task=60"],
        "rl.dynamic_sampling",
    ),
    ("batch-not-divisible", "error", ["rl.updates_per_step=3"], "rl.batch_questions"),
    ("batch-not-divisible", "error", ["compute.workers=3", "sft.batch_size=33"], "rl.batch_questions"),
    ("batch-not-divisible", "error", ["rl.updates_per_step=64", "compute.workers=4"], "rl.batch_questions"),
    ("batch-not-divisible", "error", ["compute.workers=5", "rl.batch_questions=50"], "sft.batch_size"),
    ("batch-exceeds-stage", "warning", ["tasks.train.questions_per_task=60"], "rl.batch_questions"),
    (
        "empty-partition",
        "error",
        ["tasks.train.questions_per_task=1", "partition.groups=3", "rl.batch_questions=1"],
        "partition.groups",
    ),
    ("empty-partition", "error", ["partition.edges=[0.9, 0.85]"], "partition.edges"),
    (
        "empty-partition",
        "error",
        ["partition.edges=[0.64, 0.48, 0.32]", "potential.agents=[code_agent]", "potential.temperatures=[1, 0.5]"],
        "partition.edges",
    ),
    ("empty-partition", "error", ["partition.by=difficulty", "partition.edges=[0.54, 0.51]"], "partition.edges"),
    ("empty-partition", "error", ["partition.by=random", "partition.edges=[0.5]"], "partition.edges"),
    (
        "empty-partition",
        "error",
        ["partition.score={kind: beta, a: 2, b: 1}", "partition.edges=[0.9999]"],
        "partition.edges",
    ),
    (
        "correction-with-truncated-sampling",
        "error",
        ["rl.objective.correction=token_truncate", "rl.top_p=0.95"],
        "rl.objective.correction",
    ),
    ("wide-sequence-clip", "warning", ["rl.preset=gspo", "rl.objective.clip_low=0.2"], "rl.objective.clip_low"),
    ("wide-sequence-clip", "warning", ["rl.preset=gspo", "rl.objective.clip_high=0.2"], "rl.objective.clip_high"),
    ("engine-cannot-train", "error", ["engine={kind: openai, model: m}"], "engine"),
    ("engine-placement", "error", ["engine={kind: vllm, placement: actors}"], "rl.objective.correction"),
    ("engine-placement", "error", ["engine={kind: vllm, tensor_parallel: 2}"], "engine.tensor_parallel"),
    ("engine-temperature", "error", ["engine.kind=vllm", "rl.temperature=2.5"], "rl.temperature"),
    ("bf16-without-gpu", "warning", ["compute.precision=bf16"], "compute.precision"),
    ("offload-without-sharding", "error", ["compute.offload=true"], "compute.offload"),
    (
        "offload-without-sharding",
        "error",
        ["compute.offload=true", "compute.workers=2", "compute.sharding=none"],
        "compute.offload",
    ),
    ("context-too-small", "error", ["agent.context_tokens=5120"], "agent.context_tokens"),
    ("context-too-small", "warning", ["agent.context_tokens=16384"], "agent.context_tokens"),
    ("step-budget", "error", ["executor.timeout_s=600"], "executor.timeout_s"),
    ("step-budget", "warning", ["executor.workers=32"], "executor.workers"),
    ("few-seeds", "warning", ["variants={a: {}, b: {rl.group_size: 4}}"], "seeds"),
    ("few-seeds", "warning", ["models+=[qwen2.5-3b]", "seeds=[0, 1]"], "seeds"),
    ("equal-variants", "warning", ["variants={a: {}, b: {rl.group_size: 5}}", "seeds=[0, 1, 2]"], "variants.b"),
    ("nothing-evaluated", "warning", ["sft=null", "evaluation.checkpoints=[sft]"], "evaluation.checkpoints"),
    ("nothing-evaluated", "warning", ["until=sft", "evaluation.checkpoints=[rl]"], "evaluation.checkpoints"),
    ("greedy-samples", "warning", ["evaluation.temperature=0", "evaluation.samples=4"], "evaluation.samples"),
    (
        "unset-environment",
        "warning",
        ["demonstrations.teacher={kind: openai, model: m, base_url: '${oc.env:URL}'}"],
        "demonstrations.teacher.base_url",
    ),
]

PASSES = [
    ["rl.group_size=1", "rl.objective.baseline=none", "rl.objective.scale=none"],
    ["rl.group_size=1", "until=sft"],
    ["rl.preset=ppo", "compute.workers=2"],
    ["rl.preset=ppo", "rl.lora={rank: 8}"],
    ["rl.preset=ppo", "rl.group_size=1", "rl.critic.lam=0.95"],
    ["rl.dynamic_sampling={max_rounds: 2}", "tasks.train.questions_per_task=600"],
    ["rl.updates_per_step=2", "compute.workers=4"],
    ["partition.edges=[0.64, 0.48, 0.32]"],
    ["partition.by=difficulty", "partition.edges=[0.75, 0.5, 0.25]"],
    ["partition.edges=[0.9, 0.85]", "curriculum.stages=single"],
    ["partition.score={kind: beta, a: 2, b: 1}", "partition.edges=[0.9, 0.5]"],
    ["rl.objective.correction=token_truncate"],
    ["rl.top_p=0.95"],
    ["rl.preset=gspo"],
    ["rl.preset=rloo"],
    ["engine={kind: openai, model: m}", "until=sft"],
    ["compute.precision=bf16", "compute.gpus_per_worker=1"],
    ["compute.offload=true", "compute.workers=2"],
    ["rl.preset=ppo", "compute.workers=2", "compute.sharding=none"],
    ["rl.lora={rank: 8}", "compute.workers=2"],
    ["executor.timeout_s=600", "until=sft"],
    ["executor.workers=320"],
    ["variants={a: {}, b: {rl.group_size: 4}}", "seeds=[0, 1, 2]"],
    ["demonstrations.teacher={kind: file, path: x.jsonl}", "until=sft"],
    ["demonstrations.teacher={kind: file, path: x.jsonl}", "sft=null"],
    ["evaluation.temperature=0"],
    ["tasks.test.include=[]"],
    [
        "tasks.train.split=any",
        "tasks.train.include=['rg/*']",
        "tasks.train.exclude=[rg/word_sorting]",
        "tasks.test.include=[]",
    ],
]


@pytest.mark.parametrize(("rule", "severity", "overrides", "key"), FOUND)
def test_a_rule_finds_its_mistake_and_nothing_else(
    load_text: Load, known: Vocabulary, rule: str, severity: str, overrides: list[str], key: str
) -> None:
    found = lint(load_text("", [*QUIET, *overrides]), known)
    mine = [each for each in found if each.rule == rule]
    assert [(each.severity, each.path) for each in mine][:1] == [(severity, key)]
    assert {each.rule for each in found} <= {rule, "batch-exceeds-stage", "no-training-tasks", "few-seeds"}
    assert all(each.docs == f"docs/spec.md#{each.rule}" for each in found)
    written = any(override.startswith((f"{key}=", f"{key}+=")) for override in overrides)
    assert mine[0].where.source == "command line" or not written


@pytest.mark.parametrize("overrides", [[], *PASSES], ids=str)
def test_what_is_fine_passes(load_text: Load, known: Vocabulary, overrides: list[str]) -> None:
    assert lint(load_text("", [*QUIET, *overrides]), known) == []


def test_every_rule_has_a_section_and_a_test() -> None:
    documented = re.findall(r"^### (.+)$", (Path(__file__).parents[2] / "docs/spec.md").read_text(), re.MULTILINE)
    ids = {rule.id for rule in RULES} | {"equal-variants", "unset-environment"}
    assert set(documented) == ids
    assert {rule for rule, *_ in FOUND} == ids
    assert len(documented) == len(ids)


def test_a_finding_points_at_the_variant_that_has_it(load_text: Load, known: Vocabulary) -> None:
    variants = "seeds: [0, 1, 2]\nvariants:\n  a: {}\n  b: {rl.group_size: 1}\n  c: {rl.objective.clip_low: 0.1}\n"
    (finding,) = lint(load_text(variants, QUIET), known)
    assert finding.message.endswith("(variant b)")
    assert str(finding.where) == "spec.yaml:7:22"


def test_a_finding_about_a_default_points_at_the_nearest_key_written(load_text: Load, known: Vocabulary) -> None:
    text = "agent:\n  turn_tokens: 16384\nseeds: [0, 1, 2]\n"
    (finding,) = lint(load_text(text, QUIET), known)
    assert (finding.path, str(finding.where)) == ("agent.context_tokens", "spec.yaml:4:1")


def test_unknown_tasks_stop_the_loading_where_names_are_known(
    load_text: Load, known: Vocabulary, snapshot: SnapshotAssertion
) -> None:
    text = "tasks:\n  train: {include: [rg/gcd, rg/lmc, 'bbj/*', bbh/word_sorting]}\n  params: {gcd: {}}\n"
    load_text(text)
    with pytest.raises(SpecError) as caught:
        load_text(text, known=known)
    assert "\n" + str(caught.value) == snapshot


def test_findings_as_text(load_text: Load, known: Vocabulary, snapshot: SnapshotAssertion) -> None:
    text = "rl:\n  group_size: 1\n  updates_per_step: 3\nvariants: {a: {}, b: {executor.timeout_s: 600}}\n"
    found: list[Diagnostic] = lint(load_text(text, QUIET), known)
    assert "\n" + render(found) == snapshot
