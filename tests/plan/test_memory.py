"""What the plan says a worker holds, how that moves with the keys of the spec, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r1ci.plan.assumptions import CHUNK_LOGITS, SHAPES
from r1ci.plan.compile import compile_plan, plan_to_json
from r1ci.plan.render import render
from r1ci.plan.steps import Estimate, Plan
from r1ci.spec.diagnostics import SpecError
from r1ci.spec.load import load
from r1ci.spec.presets import MODEL_PRESETS
from r1ci.spec.vocabulary import Vocabulary

PlanOf = Callable[..., Plan]
SPECS = Path(__file__).resolve().parents[2] / "specs"
KNOWN = Vocabulary({f"suite/{index}": "train" if index < 107 else "test" for index in range(144)})
COMPUTE = {"workers": 16, "gpus_per_worker": 1, "precision": "bf16", "activation_checkpointing": True}
LARGE: dict[str, Any] = {"models": ["qwen2.5-7b"], "engine": {"kind": "vllm"}, "compute": COMPUTE}


def cost(plan: Plan, role: str) -> Estimate:
    """The estimate of a role of the first cell."""
    return plan.steps[plan.cells[0].steps[role]].estimate


@pytest.mark.parametrize("name", SHAPES)
def test_the_shapes_of_presets_have_their_published_numbers_of_parameters(name: str) -> None:
    assert SHAPES[name].parameters == MODEL_PRESETS[name]["parameters"]


def test_a_tiny_models_shape_has_the_parameters_that_the_spec_counts(plan_of: PlanOf) -> None:
    from r1ci.plan.assumptions import shape_of
    from r1ci.spec.models import TinyModel

    assert shape_of(TinyModel(), 0).parameters == TinyModel().parameters


def test_chunks_of_logits_are_the_trainers() -> None:
    from r1ci.train.logprobs import CHUNK_LOGITS as made

    assert dict(CHUNK_LOGITS) == made


@pytest.mark.parametrize("size", ["3b", "7b", "14b"])
def test_the_published_sizes_fit_on_gpus_of_80_gb(size: str) -> None:
    plan = compile_plan(load(SPECS / f"qwen2.5-{size}.yaml", known=KNOWN), KNOWN)
    for role in ("sft", "potential", "rl"):
        need = cost(plan, role)
        assert need.limits
        assert all(need.phases[name] <= limit for name, limit in need.limits.items())
        assert need.rates
        assert need.cost == pytest.approx(3 * need.gpu_hours, abs=0.01)
    assert cost(plan, "sft").memory_mb < cost(plan, "rl").memory_mb
    assert {"weights", "gradients", "optimizer", "activations", "logits"} <= set(cost(plan, "sft").memory)


def test_parts_add_up_and_states_are_cut_over_the_workers(plan_of: PlanOf) -> None:
    one, two = (cost(plan_of(**{**LARGE, "compute": {**COMPUTE, "workers": count}}), "sft") for count in (16, 32))
    assert sum(one.memory.values()) == pytest.approx(one.memory_mb, abs=len(one.memory))
    for part in ("weights", "gradients", "optimizer"):
        assert one.memory[part] == pytest.approx(2 * two.memory[part], abs=2)
    assert one.memory["weights"] == pytest.approx(4 * 7_615_616_512 / 16 / 1e6, abs=1)
    assert one.memory["logits"] == two.memory["logits"]


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"compute": {**COMPUTE, "offload": True}}, {"weights", "gradients", "optimizer"}),
        ({"rl": {"lora": {}}}, {"gradients", "optimizer"}),
        ({"rl": {"objective": {"kl_coefficient": 0.0}}}, {"reference"}),
        ({"compute": {**COMPUTE, "micro_batch_tokens": 4096}, "agent": {"context_tokens": 8192}}, {"activations"}),
    ],
)
def test_keys_that_save_memory_do(plan_of: PlanOf, changed: dict[str, Any], parts: set[str]) -> None:
    plain, less = cost(plan_of(**LARGE), "rl"), cost(plan_of(**{**LARGE, **changed}), "rl")
    assert less.phases["update"] < plain.phases["update"]
    formulas = plain.formulas["memory_mb"], less.formulas["memory_mb"]
    assert all(part in formulas[0] for part in parts - {"gradients", "activations"})
    for part in parts:
        assert less.memory.get(part, 0) <= plain.memory.get(part, less.memory.get(part, 0))


def test_offloaded_states_are_counted_on_the_host(plan_of: PlanOf) -> None:
    """With the reference model's, in the precision of the passes; of two workers' the states are more than a model."""
    compute = {**COMPUTE, "workers": 2, "offload": True}
    large = {**LARGE, "engine": {"kind": "vllm", "gpu_memory": 0.3}, "compute": compute}
    host = cost(plan_of(**large), "rl").host
    each = 7_615_616_512 / 2 / 1e6
    sizes = {"host weights": 4, "host gradients": 4, "host optimizer": 8, "host reference": 2, "checkpoint": 12}
    assert {name: host[name] for name in sizes} == {name: pytest.approx(n * each, abs=1) for name, n in sizes.items()}
    assert cost(plan_of(**large), "rl").host_mb == pytest.approx(sum(host.values()), abs=len(host))


def test_the_whole_model_that_every_worker_first_reads_is_the_most_that_a_host_holds_of_many(plan_of: PlanOf) -> None:
    found = cost(plan_of(**LARGE), "sft")
    assert found.host == {"whole model while loading": pytest.approx(4 * 7_615_616_512 / 1e6, abs=1)}
    assert "whole model" in found.formulas["host_mb"]


@pytest.mark.parametrize("offload", [False, True])
def test_adapters_need_no_reference_model_and_no_gradient_of_the_output_layer(plan_of: PlanOf, offload: bool) -> None:
    compute = {**COMPUTE, "offload": offload}
    plain, adapted = (cost(plan_of(**{**LARGE, "compute": compute, "rl": {"lora": lora}}), "rl") for lora in (None, {}))
    assert ("reference" in plain.formulas["memory_mb"]) is not offload
    assert "reference" not in adapted.formulas["memory_mb"] + adapted.formulas["host_mb"]
    head = 2 * 152_064 * 3584 / 1e6
    assert plain.phases["update"] - adapted.phases["update"] > head


def test_updates_that_learn_from_parts_of_a_step_have_smaller_micro_batches(plan_of: PlanOf) -> None:
    small: dict[str, Any] = {"rl": {"batch_questions": 8, "group_size": 2}, "agent": {"context_tokens": 1024}}
    one, four = (cost(plan_of(**{**small, "rl": {**small["rl"], "updates_per_step": count}}), "rl") for count in (1, 4))
    assert four.phases["update"] < one.phases["update"]


def test_a_critics_checkpoint_is_copied_too(plan_of: PlanOf) -> None:
    plain, judged = (cost(plan_of(rl={"preset": name}), "rl") for name in ("grpo-r1ci", "ppo"))
    more = {name: judged.phases[name] - plain.phases[name] for name in ("update", "checkpoint")}
    assert more["checkpoint"] == pytest.approx(more["update"] * 28 / 16, abs=2)


def test_what_the_allocator_keeps_is_counted_on_cpus_alone(plan_of: PlanOf) -> None:
    update = cost(plan_of(), "sft").parts["update"]
    held = sum(mb for name, mb in update.items() if name not in ("process", "kept by the allocator"))
    assert update["kept by the allocator"] == pytest.approx(0.15 * held, abs=2)
    assert "kept by the allocator" not in cost(plan_of(**LARGE), "sft").parts["update"]


def test_actors_have_gpus_of_their_own_which_cost_too(plan_of: PlanOf) -> None:
    engine = {"kind": "vllm", "placement": "actors", "tensor_parallel": 2}
    apart = plan_of(**{**LARGE, "engine": engine})
    step = apart.steps[apart.cells[0].steps["rl"]]
    assert step.resources.gpus == 16 + 16 * 2
    assert "vLLM" not in step.estimate.memory
    assert "16 vllm engines, each tensor parallel over 2 GPUs" in step.estimate.layout


def test_the_price_and_the_assumed_shares_are_the_specs(plan_of: PlanOf) -> None:
    hardware = {"price_per_gpu_hour": 2.0, "currency": "EUR", "mfu": 0.15}
    plain = cost(plan_of(**LARGE), "sft")
    slow = cost(plan_of(**{**LARGE, "compute": {**COMPUTE, "hardware": hardware}}), "sft")
    assert slow.rates["trained"] < plain.rates["trained"]
    assert (slow.cost, slow.currency) == (pytest.approx(2 * slow.gpu_hours, abs=0.01), "EUR")
    assert slow.assumed["training_share_of_peak"] == 0.15


# ---------------------------------------------------------------- what does not fit

SPEC = """\
spec_version: 1
name: large
models: [qwen2.5-14b]
engine: {{kind: vllm, gpu_memory: {share}}}
compute:
  workers: {workers}
  gpus_per_worker: 1
  precision: bf16
  activation_checkpointing: {again}
"""


def refused(tmp_path: Path, **values: Any) -> SpecError:
    """What compiling the spec says."""
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(**{"share": 0.6, "workers": 16, "again": "true", **values}))
    with pytest.raises(SpecError) as caught:
        compile_plan(load(path, known=KNOWN), KNOWN)
    return caught.value


def test_activations_that_do_not_fit_are_refused_with_the_key_and_the_excess(tmp_path: Path) -> None:
    error = refused(tmp_path, again="false")
    assert error.exit_code == 2
    assert {found.path for found in error.diagnostics} == {"compute.activation_checkpointing"}
    assert all("too much" in found.message and "GB" in found.help for found in error.diagnostics)
    assert "activations" in error.diagnostics[0].found


def test_states_that_do_not_fit_ask_for_more_workers_and_the_answer_fits(tmp_path: Path) -> None:
    error = refused(tmp_path, workers=2)
    sft = next(found for found in error.diagnostics if ": sft:" in found.message)
    assert sft.path == "compute.workers"
    assert "compute.offload: true" in sft.help
    assert "sft.lora: {}" in sft.help
    enough = int(sft.help.split("compute.workers: ")[1].split(" ")[0])
    left = refused(tmp_path, workers=2 * enough, share=0.3)
    assert not [found for found in left.diagnostics if ": sft:" in found.message]


def test_an_engine_whose_share_cannot_hold_the_weights_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, share=0.3)
    assert {found.path for found in error.diagnostics} == {"engine.gpu_memory"}
    assert error.diagnostics[0].found.startswith("engine weights 29.5 GB + KV cache of an episode 6.4 GB")
    assert "vLLM must hold" in error.diagnostics[0].message
    assert "engine.tensor_parallel: 2" in error.diagnostics[0].help
    assert "engine.gpu_memory: 0." in error.diagnostics[0].help


def test_without_gpus_nobody_knows_the_limit_and_nothing_is_refused(plan_of: PlanOf) -> None:
    assert not cost(plan_of(models=["qwen2.5-14b"]), "sft").limits


# ---------------------------------------------------------------- how it is shown


def test_the_text_says_what_is_held_how_it_is_cut_and_what_is_assumed(plan_of: PlanOf) -> None:
    text = render(plan_of(**LARGE), ())
    for expected in (
        " = activations",
        "vLLM share 21.1 GB of 48.0 GB = engine weights 15.2 GB",
        "KV cache of an episode",
        "FSDP2 over 16 workers",
        "tokens/s",
        "compute.hardware.mfu",
        "USD",
        "of 76.0 GB",
    ):
        assert expected in text
    assert "How the estimates are made" not in text
    assert "How the estimates are made" in render(plan_of(**LARGE), (), explain={})


def test_the_json_form_carries_all_numbers(plan_of: PlanOf) -> None:
    step = next(step for step in plan_to_json(plan_of(**LARGE))["steps"] if step["kind"] == "rl")
    found = step["estimate"]
    assert {name: sum(parts.values()) for name, parts in found["parts"].items()} == {
        name: pytest.approx(mb, abs=len(found["parts"][name])) for name, mb in found["phases"].items()
    }
    assert {"memory", "host", "phases", "limits", "host_mb", "rates", "assumed", "cost", "currency", "layout"} <= set(
        found
    )
    assert found["assumed"]["gpu_memory_mb"] == 80_000
