"""The loss against TRL's own, against numbers worked out by hand, and against itself in pieces."""

import math
import subprocess
import sys
import types
from collections import defaultdict
from typing import Any

import pytest
import torch
from torch import Tensor

from r1ci.spec.models import Objective
from r1ci.spec.presets import OBJECTIVE_PRESETS
from r1ci.train.formula import describe
from r1ci.train.objectives import LossParts, policy_loss

MAX_TOKENS = 16


def objective(preset: str = "grpo-r1ci", **changes: Any) -> Objective:
    return Objective.model_validate({**OBJECTIVE_PRESETS[preset], **changes})


class Data:
    """Six ragged episodes with holes where execution results stood; log-probabilities apart enough to clip."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        generator = torch.Generator().manual_seed(7)

        def noise(scale: float) -> Tensor:
            return scale * torch.randn(6, 9, generator=generator, dtype=dtype)

        self.logps = (-2 * torch.rand(6, 9, generator=generator, dtype=dtype)).requires_grad_()
        base = self.logps.detach()
        self.old, self.ref, self.rollout = base + noise(0.4), base + noise(0.3), base + noise(0.5)
        self.entropy = noise(1.0).abs()
        self.advantages = torch.randn(6, generator=generator, dtype=dtype)
        self.completion = torch.ones(6, 9, dtype=torch.long)
        self.completion[1, 6:] = 0
        self.completion[3, 4:] = 0
        self.tool = torch.ones(6, 9, dtype=torch.long)
        self.tool[0, 3:5] = 0
        self.tool[2, 1:7] = 0
        self.mask = self.completion * self.tool

    def loss(self, spec: Objective, rows: slice = slice(None)) -> LossParts:
        return policy_loss(
            self.logps[rows],
            self.old[rows],
            self.ref[rows],
            self.entropy[rows],
            self.advantages[rows],
            self.mask[rows],
            spec,
            total_tokens=int(self.mask.sum()),
            total_sequences=6,
            max_tokens=MAX_TOKENS,
            rollout_logps_BT=self.rollout[rows],
        )


class Accelerator:
    """As much of one process as TRL's loss asks for."""

    num_processes = 1
    sync_gradients = True
    device = torch.device("cpu")

    def gather(self, value: Tensor) -> Tensor:
        return value if value.dim() else value[None]

    def gather_for_metrics(self, value: Tensor) -> Tensor:
        return self.gather(value)

    def reduce(self, value: Tensor, reduction: str = "sum") -> Tensor:
        return value


def trl_loss(data: Data, spec: Objective) -> tuple[Tensor, dict[str, list[float]]]:
    """The loss of TRL's trainer for the same choices, computed by its own method on a stand-in for the trainer."""
    trl = pytest.importorskip("trl")
    names = {"sequence_mean": "grpo", "token_mean": "dapo", "constant": "dr_grpo"}
    corrected = spec.correction != "none"
    trainer = types.SimpleNamespace(
        accelerator=Accelerator(),
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level=spec.ratio,
        beta=spec.kl_coefficient,
        loss_type=names[spec.aggregate],
        epsilon_low=spec.clip_low,
        epsilon_high=spec.clip_high,
        args=types.SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
        use_vllm=corrected,
        vllm_importance_sampling_correction=corrected,
        model=types.SimpleNamespace(training=True),
        current_gradient_accumulation_steps=1,
        max_completion_length=MAX_TOKENS,
        _entropy_bonus_enabled=False,
        _metrics={"train": defaultdict(list)},
        _get_per_token_logps_and_entropies=lambda *args, **kwargs: (data.logps, data.entropy, None),
    )
    inputs = {
        "prompt_ids": torch.zeros(6, 1, dtype=torch.long),
        "prompt_mask": torch.ones(6, 1, dtype=torch.long),
        "completion_ids": torch.zeros(6, 9, dtype=torch.long),
        "completion_mask": data.completion,
        "tool_mask": data.tool,
        "advantages": data.advantages,
        "old_per_token_logps": data.old,
        "ref_per_token_logps": data.ref,
        "importance_sampling_ratio": (data.old - data.rollout).exp().clamp(max=spec.correction_cap),
        "num_items_in_batch": data.mask.sum(),
    }
    return trl.GRPOTrainer._compute_loss(trainer, None, inputs), trainer._metrics["train"]


AGAINST_TRL = [
    ("grpo-r1ci", {}),
    ("grpo-r1ci", {"kl_coefficient": 0.5}),
    ("dr_grpo", {}),
    ("dr_grpo", {"kl_coefficient": 0.5}),
    ("dapo", {}),
    ("dapo", {"kl_coefficient": 0.5}),
    ("grpo-r1ci", {"ratio": "sequence", "clip_low": 0.02, "clip_high": 0.03}),
    ("dapo", {"ratio": "sequence", "kl_coefficient": 0.1}),
    ("dapo", {"correction": "token_truncate", "correction_cap": 1.3, "kl_coefficient": 0.1}),
]


@pytest.mark.parametrize(("preset", "changes"), AGAINST_TRL, ids=lambda value: str(value))
@pytest.mark.filterwarnings("default")
def test_value_and_gradient_equal_trls(preset: str, changes: dict[str, Any]) -> None:
    data, spec = Data(), objective(preset, **changes)
    theirs, metrics = trl_loss(data, spec)
    ours = data.loss(spec)
    assert ours.loss.item() == pytest.approx(theirs.item(), rel=1e-6, abs=1e-8)
    (their_gradient,) = torch.autograd.grad(theirs, data.logps)
    (our_gradient,) = torch.autograd.grad(ours.loss, data.logps)
    torch.testing.assert_close(our_gradient, their_gradient, rtol=1e-6, atol=1e-8)
    assert our_gradient.abs().sum() > 0
    if spec.kl_coefficient:
        assert ours.kl.item() == pytest.approx(metrics["kl"][0], rel=1e-5)
    if spec.ratio == "token":
        assert ours.clip_fraction.item() == pytest.approx(metrics["clip_ratio/region_mean"][0], rel=1e-5)
        assert ours.clip_fraction > 0


def one_token(ratio: float, advantage: float, spec: Objective) -> Tensor:
    zero = torch.zeros(1, 1)
    parts = policy_loss(
        torch.full((1, 1), math.log(ratio)),
        zero,
        None,
        None,
        torch.tensor([advantage]),
        torch.ones(1, 1),
        spec,
        total_tokens=1,
        total_sequences=1,
        max_tokens=1,
    )
    return parts.loss


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [
        (1.0, 2.0, -2.0),
        (1.1, 1.0, -1.1),
        (1.5, 1.0, -1.28),  # clipped from above
        (0.5, 1.0, -0.5),
        (1.5, -1.0, 1.5),
        (0.5, -1.0, 0.8),  # clipped from below
        (1.5, 0.0, 0.0),
    ],
)
def test_the_clip_by_hand(ratio: float, advantage: float, loss: float) -> None:
    assert one_token(ratio, advantage, objective("dapo")).item() == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize(("kl", "value"), [("k1", 0.5), ("k2", 0.125), ("k3", math.exp(-0.5) + 0.5 - 1)])
def test_the_kl_estimators_by_hand(kl: str, value: float) -> None:
    logps = torch.tensor([[-1.0]])
    parts = policy_loss(
        logps,
        logps,
        logps - 0.5,
        None,
        torch.zeros(1),
        torch.ones(1, 1),
        objective(kl=kl, kl_coefficient=2.0),
        total_tokens=1,
        total_sequences=1,
        max_tokens=1,
    )
    assert parts.kl.item() == pytest.approx(value, abs=1e-6)
    assert parts.loss.item() == pytest.approx(2 * value, abs=1e-6)


@pytest.mark.parametrize(
    ("aggregate", "loss"),
    # Two episodes on policy: three tokens with A = 1, one token with A = -1.
    [("token_mean", -(3 - 1) / 4), ("sequence_mean", 0.0), ("constant", -(3 - 1) / (2 * 10))],
)
def test_the_aggregates_by_hand(aggregate: str, loss: float) -> None:
    logps = torch.zeros(2, 4)
    mask = torch.tensor([[1, 1, 0, 1], [0, 1, 0, 0]])
    parts = policy_loss(
        logps,
        logps,
        None,
        None,
        torch.tensor([1.0, -1.0]),
        mask,
        objective("dapo", aggregate=aggregate),
        total_tokens=4,
        total_sequences=2,
        max_tokens=10,
    )
    assert parts.loss.item() == pytest.approx(loss, abs=1e-6)


EVERY_TERM = {"kl_coefficient": 0.3, "entropy_coefficient": 0.2, "correction": "token_truncate", "correction_cap": 1.2}


@pytest.mark.parametrize("aggregate", ["token_mean", "sequence_mean", "constant"])
@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_the_split_into_micro_batches_changes_nothing(aggregate: str, ratio: str) -> None:
    data, spec = Data(torch.float64), objective(aggregate=aggregate, ratio=ratio, **EVERY_TERM)
    whole = data.loss(spec)
    pieces = [data.loss(spec, rows) for rows in (slice(0, 1), slice(1, 4), slice(4, 6))]
    for name in ("loss", "policy_loss", "kl", "entropy", "clip_fraction", "ratio", "mismatch", "kept_fraction"):
        total = sum(getattr(piece, name).item() for piece in pieces)
        assert total == pytest.approx(getattr(whole, name).item(), abs=1e-6), name
    assert max(piece.ratio_max for piece in pieces) == whole.ratio_max
    (gradient,) = torch.autograd.grad(whole.loss, data.logps)
    (parts_gradient,) = torch.autograd.grad(sum(piece.loss for piece in pieces), data.logps)  # type: ignore[arg-type]
    torch.testing.assert_close(parts_gradient, gradient, atol=1e-6, rtol=0)


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_what_the_policy_did_not_sample_is_never_looked_at(ratio: str) -> None:
    data, spec = Data(), objective(ratio=ratio, **EVERY_TERM)
    expected = data.loss(spec)
    (gradient,) = torch.autograd.grad(expected.loss, data.logps)
    outside = data.mask == 0
    data.logps = data.logps.detach().masked_fill(outside, -80.0).requires_grad_()
    for tensor in (data.old, data.ref, data.rollout, data.entropy):
        tensor.masked_fill_(outside, float("nan"))
    got = data.loss(spec)
    assert got.loss.item() == expected.loss.item()
    (new_gradient,) = torch.autograd.grad(got.loss, data.logps)
    torch.testing.assert_close(new_gradient, gradient)
    assert (new_gradient[outside] == 0).all()


def test_an_episode_without_sampled_tokens_adds_nothing() -> None:
    data = Data()
    data.mask[5] = 0
    parts = data.loss(objective(**EVERY_TERM))
    (gradient,) = torch.autograd.grad(parts.loss, data.logps)
    assert torch.isfinite(parts.loss)
    assert (gradient[5] == 0).all()


def test_more_entropy_is_less_loss_and_carries_gradient() -> None:
    data = Data()
    entropy = data.entropy.requires_grad_()
    plain = data.loss(objective(entropy_coefficient=0.0))
    bonus = data.loss(objective(entropy_coefficient=0.1))
    assert (plain.loss - bonus.loss).item() == pytest.approx(0.1 * plain.entropy.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(bonus.loss, entropy)
    assert gradient.sum().item() == pytest.approx(-0.1, rel=1e-5)


def test_agreement_of_engine_and_trainer_is_reported_before_truncation() -> None:
    data = Data()
    data.rollout = data.old.clone()
    data.rollout[0, 0] = data.old[0, 0] - math.log(3.0)
    data.rollout[1, 1] = float("nan")  # an engine that gave no figure: taken for agreement
    tokens = int(data.mask.sum())
    for correction in ("none", "token_truncate"):
        parts = data.loss(objective(correction=correction))
        assert parts.kept_fraction.item() == pytest.approx(1 - 1 / tokens)
        assert parts.mismatch.item() == pytest.approx(1 + 2 / tokens, rel=1e-5)
        assert parts.mismatch_max.item() == pytest.approx(3.0, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"kl_coefficient": 0.1}, "ref_logps"),
        ({"kl_coefficient": 0.0, "entropy_coefficient": 0.1}, "entropy"),
        ({"kl_coefficient": 0.0, "correction": "token_truncate"}, "rollout_logps"),
    ],
)
def test_a_term_without_its_input_is_an_error(changes: dict[str, Any], missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        one_token(1.0, 1.0, objective(**changes))


def test_a_description_states_the_values() -> None:
    assert describe(objective()).splitlines() == [
        "advantage  A = (R - mean(R)) / (std(R of the group, ddof=1) + 1e-06)",
        "ratio      r_t = exp(lp_t - old_t)",
        "policy     L_t = -min(r_t A, clip(r_t, 0.8, 1.2) A)",
        "kl         L_t = L_t + 0.001 * (exp(ref_t - lp_t) - (ref_t - lp_t) - 1)",
        "loss       mean over episodes of the mean of L_t over their sampled tokens",
        "where      lp: policy; old: policy at generation time; ref: reference model; roll: engine (log-probabilities)",
    ]
    text = describe(objective("dapo", ratio="sequence", scale="none", baseline="leave_one_out", **EVERY_TERM))
    for part in ("A = R - mean(R of the others)", "1.28", "min(exp(old_t - roll_t), 1.2)", "- 0.2 * mean entropy"):
        assert part in text


def test_showing_an_objective_does_not_import_torch() -> None:
    code = "import sys, r1ci.train.objectives, r1ci.train.advantages; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
