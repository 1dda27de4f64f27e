"""Losses, advantages and corrections against verl's own files, where verl is installed (``make test`` does that)."""

import types
from typing import Any

import numpy as np
import pytest
import torch
from loss_peers import GROUP, MAX_TOKENS, Data, assert_equal, objective, verl_module
from torch import Tensor

from r1ci.spec.models import Objective
from r1ci.train.advantages import advantages, kl_penalty, token_advantages
from r1ci.train.corrections import correct, effective_sample_size
from r1ci.train.divergence import estimate
from r1ci.train.segments import Segments

AGGREGATES = {
    "token_mean": "token-mean",
    "sequence_mean": "seq-mean-token-mean",
    "sequence_sum": "seq-mean-token-sum",
    "constant": "seq-mean-token-sum-norm",
}
NEVER = 1e9
"""A dual clip out of reach: verl always has one."""


@pytest.fixture(scope="module")
def core() -> Any:
    return verl_module("trainer/ppo/core_algos.py")


@pytest.fixture(scope="module")
def helper() -> Any:
    return verl_module("trainer/ppo/rollout_corr_helper.py")


def verl_loss(core: Any, name: str, data: Data, spec: Objective, weights: Tensor | None = None) -> Tensor:
    config = core.config_class(
        clip_ratio=0.2,
        clip_ratio_low=spec.clip_low,
        clip_ratio_high=spec.clip_high,
        clip_ratio_c=spec.clip_dual or NEVER,
        global_batch_info={"loss_scale_factor": MAX_TOKENS} if spec.aggregate == "constant" else {},
    )
    advantages_BT, mode = data.advantages[:, None].expand(6, 9), AGGREGATES[spec.aggregate]
    function = getattr(core, f"compute_policy_loss_{name}")
    loss, _ = function(data.old, data.logps, advantages_BT, data.mask.double(), mode, config, weights)
    assert isinstance(loss, Tensor)
    return loss


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize(
    ("name", "preset", "changes"),
    [
        ("vanilla", "dapo", {}),
        ("vanilla", "dapo", {"clip_dual": 1.5}),
        ("vanilla", "ppo", {"clip_dual": 3.0, "kl_coefficient": 0.0}),
        ("gspo", "gspo", {"ratio": "sequence_token", "clip_low": 0.1, "clip_high": 0.2}),
        ("cispo", "cispo", {"clip_low": 0.2, "clip_high": 0.28}),
        ("cispo", "cispo", {"clip_low": 1.0, "clip_high": 4.0}),
    ],
)
def test_losses(core: Any, name: str, preset: str, changes: dict[str, Any], aggregate: str) -> None:
    # verl 0.9.1's gspo obeys the mode it is given; its mean over a sequence adds 1e-8 to the count
    data, spec = Data(), objective(preset, **{**changes, "aggregate": aggregate})
    assert_equal(data.loss(spec).loss, verl_loss(core, name, data, spec), data, 1e-7)


def test_the_upper_bound_alone_is_cispo_with_a_lower_bound_out_of_reach(core: Any) -> None:
    data = Data()
    spec = objective("cispo", clip_high=0.28)
    theirs = verl_loss(core, "cispo", data, spec.model_copy(update={"clip_low": 1.0}))
    assert_equal(data.loss(spec).loss, theirs, data, 1e-7)


@pytest.mark.parametrize("kl", ["k1", "k2", "k3"])
def test_divergences(core: Any, kl: Any) -> None:
    data = Data()
    ours, theirs = estimate(data.ref - data.logps, kl), core.kl_penalty(data.logps, data.ref, kl)
    assert_equal(ours.sum(), theirs.sum(), data)


def rewards(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Rewards (B, G) and verl's form of them: on each episode's last token."""
    reward_E = torch.tensor([1.0, 0.0, 0.3, 1.1, -0.1, 0.5], dtype=torch.float64)
    token_ET = torch.zeros(mask.shape, dtype=torch.float64)
    for row in range(6):
        token_ET[row, int(mask[row].nonzero()[-1])] = reward_E[row]
    return reward_E.reshape(-1, GROUP), token_ET


@pytest.mark.parametrize(
    ("name", "changes", "tolerance"),
    [
        ("grpo", {}, 1e-9),
        ("grpo", {"scale": "none"}, 1e-9),
        ("rloo", {"baseline": "leave_one_out", "scale": "none"}, 1e-9),
        ("reinforce_plus_plus_baseline", {"scale": "whiten", "eps": 0.0}, 1e-6),
        ("reinforce_plus_plus", {"baseline": "none", "scale": "whiten", "eps": 0.0}, 1e-6),
    ],
)
def test_advantages(core: Any, name: str, changes: dict[str, Any], tolerance: float) -> None:
    # verl whitens by sqrt(var + 1e-8) and adds 1e-8 to counts
    mask, spec = Data().mask, objective(kl_coefficient=0.0, **changes)
    reward_BG, token_ET = rewards(mask)
    tokens_BG = mask.sum(1).reshape(-1, GROUP)
    ours = advantages(reward_BG, spec, None, tokens_BG).flatten()[:, None] * mask
    arguments: dict[str, Any] = {"index": np.repeat(np.arange(3), GROUP)}
    if name == "grpo":
        arguments["norm_adv_by_std_in_grpo"] = spec.scale == "group"
    if name == "reinforce_plus_plus":
        arguments = {"config": types.SimpleNamespace(gamma=1.0)}
    function = getattr(core, f"compute_{name}_outcome_advantage")
    theirs, _ = function(token_level_rewards=token_ET, response_mask=mask.double(), **arguments)
    torch.testing.assert_close(ours, theirs * mask, atol=tolerance, rtol=tolerance)


def test_reinforce_with_kl_in_the_return(core: Any) -> None:
    data, spec = Data(), objective("reinforce++", kl_coefficient=0.2, eps=0.0)
    reward_BG, token_ET = rewards(data.mask)
    penalty_ET = kl_penalty(data.old, data.ref, data.mask, spec)
    ours = token_advantages(advantages(reward_BG, spec).flatten(), penalty_ET, data.mask, spec)
    theirs, _ = core.compute_reinforce_plus_plus_outcome_advantage(
        core.compute_rewards(token_ET, data.old, data.ref, 0.2) * data.mask,
        data.mask.double(),
        types.SimpleNamespace(gamma=1.0),
    )
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)
    assert (ours[0, 0] - ours[0, 8]).abs() > 1e-3


@pytest.mark.parametrize(
    ("correction", "level", "threshold"),
    [
        ("token_truncate", "token", 1.2),
        ("token_mask", "token", "0.8_1.2"),
        ("sequence_truncate", "sequence", 1.2),
        ("sequence_mask", "sequence", "0.8_1.2"),
    ],
)
def test_corrections(helper: Any, correction: str, level: str, threshold: Any) -> None:
    data = Data()
    spec = objective(correction=correction, correction_cap=1.2, correction_low=0.8 if "mask" in correction else 0.0)
    difference = data.old - data.rollout
    theirs, metrics = helper.compute_rollout_correction_weights(difference, data.mask.double(), level, threshold)
    made = correct(difference[data.mask.bool()], Segments(data.mask.nonzero()[:, 0], 6), spec)
    torch.testing.assert_close(made.weight_N, theirs[data.mask.bool()])
    assert 0 < made.kept_N.double().mean() < 1
    if "mask" in correction:
        assert metrics["rollout_is_oob_ratio"] == pytest.approx(1 - made.kept_N.double().mean().item())


def test_the_geometric_mask(helper: Any) -> None:
    """verl bounds the engine's ratio to the trainer, the inverse of ours."""
    data = Data()
    spec = objective(correction="geometric_mask", correction_low=0.97, correction_cap=1.03)
    difference = data.old - data.rollout
    threshold = f"{1 / 1.03}_{1 / 0.97}"
    kept, _ = helper.compute_rollout_rejection_mask(difference, data.mask.double(), "seq_mean_k1", threshold)
    made = correct(difference[data.mask.bool()], Segments(data.mask.nonzero()[:, 0], 6), spec)
    torch.testing.assert_close(made.weight_N, kept[data.mask.bool()])
    assert 0 < made.weight_N.mean() < 1


def test_the_effective_sample_size(helper: Any) -> None:
    data = Data()
    difference, spec = (data.old - data.rollout), objective(correction="token_truncate", correction_cap=1e3)
    _, metrics = helper.compute_rollout_correction_weights(difference, data.mask.double(), "token", 1e3)
    raw_N = correct(difference[data.mask.bool()], Segments(data.mask.nonzero()[:, 0], 6), spec).raw_N
    ours = effective_sample_size(float(raw_N.mean()), float(raw_N.square().mean()))
    assert ours == pytest.approx(metrics["rollout_is_eff_sample_size"], rel=1e-6)
    assert 0.5 < ours < 1
