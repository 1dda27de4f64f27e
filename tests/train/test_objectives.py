"""The loss against TRL's own, against numbers worked out by hand, and against itself in pieces."""

import itertools
import math
import subprocess
import sys
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_peers import Data, assert_equal, objective, trl_loss, trl_rloo_loss
from torch import Tensor

from r1ci.spec.models import Objective
from r1ci.spec.presets import OBJECTIVE_PRESETS
from r1ci.train.objectives import TokenValues, Totals, policy_loss, token_loss
from r1ci.train.segments import Segments

SEQUENCE = {"ratio": "sequence", "clip_low": 0.02, "clip_high": 0.03}
CORRECT = {"correction_cap": 1.2, "kl_coefficient": 0.1}
AGAINST_TRL = [
    ("grpo-r1ci", {}),
    ("grpo-r1ci", {"kl_coefficient": 0.5}),
    ("grpo-r1ci", {"kl_coefficient": 0.5, "kl_unbiased": True}),
    ("grpo-r1ci", {"kl_coefficient": 0.5, "kl_unbiased": True, **SEQUENCE}),
    ("grpo-r1ci", {"clip_dual": 1.5}),
    ("dapo", {"clip_dual": 1.28, "kl_coefficient": 0.1}),
    ("dr_grpo", {}),
    ("dr_grpo", {"kl_coefficient": 0.5}),
    ("dapo", {}),
    ("dapo", {"kl_coefficient": 0.5}),
    ("dapo", {"aggregate": "sequence_sum"}),
    ("dapo", {"aggregate": "sequence_sum", **SEQUENCE}),
    ("grpo-r1ci", SEQUENCE),
    ("dapo", {"ratio": "sequence", "kl_coefficient": 0.1}),
    ("gspo", {}),
    ("gspo", {"clip_low": 0.1, "clip_high": 0.2}),
    ("cispo", {}),
    ("cispo", {"clip_high": 0.1, "kl_coefficient": 0.1}),
    ("cispo", {"clip_high": 0.1, **CORRECT, "correction": "token_mask"}),
    *[
        ("dapo", {"correction": correction, "correction_low": low, **CORRECT})
        for correction in ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask")
        for low in (0.0, 0.8)
    ],
]


@pytest.mark.parametrize(("preset", "changes"), AGAINST_TRL, ids=lambda value: str(value))
@pytest.mark.filterwarnings("default")
def test_value_and_gradient_equal_trls(preset: str, changes: dict[str, Any]) -> None:
    data, spec = Data(), objective(preset, **changes)
    theirs, metrics = trl_loss(data, spec)
    ours = data.loss(spec)
    assert_equal(ours.loss, theirs, data)
    if spec.correction != "none":
        assert 0 < ours.kept_fraction < 1
    if spec.kl_coefficient and not spec.kl_unbiased:
        assert ours.kl.item() == pytest.approx(metrics["kl"][0], rel=1e-5)
    if spec.ratio == "token" and spec.clip == "ppo" and spec.clip_dual is None:
        assert ours.clip_fraction.item() == pytest.approx(metrics["clip_ratio/region_mean"][0], rel=1e-5)
        assert ours.clip_fraction > 0


@pytest.mark.filterwarnings("default")
def test_the_entropy_bonus_equals_trls() -> None:
    data, spec = Data(), objective("dapo", entropy_coefficient=0.3)
    data.entropy.requires_grad_()
    theirs, _ = trl_loss(data, spec)
    ours = data.loss(spec).loss
    assert_equal(ours, theirs, data)
    for ours_to, theirs_to in zip(*(torch.autograd.grad(each, [data.entropy]) for each in (ours, theirs)), strict=True):
        torch.testing.assert_close(ours_to, theirs_to)


@pytest.mark.filterwarnings("default")
def test_rloo_equals_trls_trainer() -> None:
    data, spec = Data(), objective("rloo")
    assert_equal(data.loss(spec).loss, trl_rloo_loss(data, spec), data)
    assert 0 < data.loss(spec).clip_fraction < 1


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
    [
        ("token_mean", -(3 - 1) / 4),
        ("sequence_mean", 0.0),
        ("sequence_sum", -(3 - 1) / 2),
        ("prompt_mean", -(3 - 1) / 4),
        ("constant", -(3 - 1) / (2 * 10)),
    ],
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
        prompt_tokens_B=torch.tensor([4, 4]),
        total_prompts=1,
    )
    assert parts.loss.item() == pytest.approx(loss, abs=1e-6)


EVERY_TERM = {"kl_coefficient": 0.3, "entropy_coefficient": 0.2, "correction": "token_truncate", "correction_cap": 1.2}
AGGREGATES = ["token_mean", "sequence_mean", "sequence_sum", "prompt_mean", "constant"]
RATIOS = ["token", "sequence", "sequence_token", "product"]
ADDED_UP = ("loss", "policy_loss", "kl", "entropy", "clip_fraction", "ratio", "mismatch", "kept_fraction")
ADDED_UP += ("rollout_ratio", "rollout_ratio_square")


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_split_into_micro_batches_changes_nothing(aggregate: str, ratio: str) -> None:
    data, spec = Data(), objective(aggregate=aggregate, ratio=ratio, **EVERY_TERM)
    whole = data.loss(spec)
    pieces = [data.loss(spec, rows) for rows in (slice(0, 1), slice(1, 4), slice(4, 6))]
    for name in ADDED_UP:
        total = sum(getattr(piece, name).item() for piece in pieces)
        assert total == pytest.approx(getattr(whole, name).item(), abs=1e-6), name
    assert max(piece.ratio_max for piece in pieces) == whole.ratio_max
    (gradient,) = torch.autograd.grad(whole.loss, data.logps)
    (parts_gradient,) = torch.autograd.grad(sum(piece.loss for piece in pieces), data.logps)  # type: ignore[arg-type]
    torch.testing.assert_close(parts_gradient, gradient, atol=1e-6, rtol=0)


@pytest.mark.parametrize("ratio", RATIOS)
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


def test_showing_an_objective_does_not_import_torch() -> None:
    code = (
        "import sys, r1ci.train.objectives, r1ci.train.advantages, r1ci.train.formula; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 5), max_size=3),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    aggregate=st.sampled_from(AGGREGATES),
    ratio=st.sampled_from(RATIOS),
    correction=st.sampled_from(["none", "token_mask", "sequence_truncate", "geometric_mask", "geometric_truncate"]),
    clip=st.sampled_from(["ppo", "cispo"]),
)
def test_no_split_and_no_padding_changes_the_loss(
    cuts: list[int], padding: tuple[int, int], aggregate: str, ratio: str, correction: str, clip: str
) -> None:
    terms = {**EVERY_TERM, "kl_unbiased": True, "correction": correction}
    spec = objective(aggregate=aggregate, ratio=ratio, clip=clip, **terms)
    data = Data()
    whole = data.loss(spec).loss
    (gradient,) = torch.autograd.grad(whole, data.logps)
    left, right = padding
    for name in ("logps", "old", "ref", "rollout", "entropy", "mask", "completion", "tool"):
        padded = torch.nn.functional.pad(getattr(data, name).detach(), (left, right))
        setattr(data, name, padded.requires_grad_(name == "logps"))
    edges = [0, *sorted(set(cuts)), 6]
    loss = sum(data.loss(spec, slice(*rows)).loss for rows in itertools.pairwise(edges))
    assert isinstance(loss, Tensor)
    assert loss.item() == pytest.approx(whole.item(), abs=1e-9)
    (parts,) = torch.autograd.grad(loss, data.logps)
    torch.testing.assert_close(parts[:, left : left + 9], gradient, atol=1e-9, rtol=0)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(int(Data().mask.sum()))), preset=st.sampled_from([*OBJECTIVE_PRESETS]))
def test_no_packing_changes_the_loss(order: list[int], preset: str) -> None:
    """Packed, the tokens of the episodes are one list, in whatever order."""
    data, spec = Data(), objective(preset, correction="token_truncate", kl_coefficient=0.1)
    whole = data.loss(spec).loss
    place = data.mask.nonzero()[torch.tensor(order)]
    rows, columns = place[:, 0], place[:, 1]
    tokens = TokenValues(
        logps_N=data.logps[rows, columns],
        old_logps_N=data.old[rows, columns],
        advantages_N=data.advantages[rows],
        segments=Segments(rows, 6),
        ref_logps_N=data.ref[rows, columns],
        rollout_logps_N=data.rollout[rows, columns],
    )
    assert_equal(token_loss(tokens, spec, Totals(int(data.mask.sum()), 6, 16)).loss, whole, data, 1e-9)


@pytest.mark.parametrize("preset", OBJECTIVE_PRESETS)
def test_an_advantage_per_token_is_the_same_where_all_of_an_episode_agree(preset: str) -> None:
    data, spec = Data(), objective(preset)
    whole = data.loss(spec).loss
    data.advantages = data.advantages[:, None].expand(6, 9).masked_fill(data.mask == 0, float("nan"))
    assert_equal(data.loss(spec).loss, whole, data, 1e-12)


def test_gspo_token_has_gspos_value_and_gradient_but_lets_tokens_differ() -> None:
    data = Data()
    spec, by_token = objective("gspo", clip_low=0.2, clip_high=0.3), objective("gspo", ratio="sequence_token")
    by_token = by_token.model_copy(update={"clip_low": 0.2, "clip_high": 0.3})
    assert_equal(data.loss(by_token).loss, data.loss(spec).loss, data, 1e-12)
    data.advantages = data.advantages[:, None] * torch.linspace(0.5, 1.5, 9, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(data.loss(by_token).loss, data.logps)
    (pooled,) = torch.autograd.grad(data.loss(spec).loss, data.logps)
    assert (gradient - pooled).abs().max() > 1e-4


@given(
    ratio=st.floats(0.05, 20.0),
    advantage=st.floats(-3.0, 3.0),
    low=st.floats(0.05, 0.9),
    high=st.floats(0.05, 2.0),
    room=st.floats(0.0, 3.0),
)
def test_the_dual_clip_bounds_the_loss_and_is_the_two_sided_one(
    ratio: float, advantage: float, low: float, high: float, room: float
) -> None:
    bound = 1 + high + room
    spec = objective("dapo", clip_low=low, clip_high=high, clip_dual=bound)
    loss = one_token(ratio, advantage, spec).item()
    clipped = min(max(ratio, 1 - low), 1 + high)
    plain = max(-ratio * advantage, -clipped * advantage)
    dual = min(plain, -bound * advantage) if advantage < 0 else plain
    two_sided = max(-min(ratio, bound) * advantage, -clipped * advantage)
    assert loss == pytest.approx(dual, abs=1e-4)
    assert loss == pytest.approx(two_sided, abs=1e-4)


def test_without_bounds_the_ratio_is_not_clipped() -> None:
    spec = objective("dapo", clip_low=None, clip_high=None)
    assert one_token(9.0, 1.0, spec).item() == pytest.approx(-9.0, rel=1e-5)
    assert one_token(0.1, -1.0, spec).item() == pytest.approx(0.1, rel=1e-5)
    bounded = objective("dapo", clip_low=None, clip_high=0.2)
    assert one_token(9.0, 1.0, bounded).item() == pytest.approx(-1.2, rel=1e-5)


def test_cispo_goes_on_learning_from_clipped_tokens() -> None:
    """PPO's clip stops a token's gradient, CISPO bounds its weight; its two-sided form bounds it from below too."""
    for changes, weight in (({}, 5.0), ({"clip_high": 0.2}, 1.2), ({"clip_low": 0.2, "clip_high": 0.2}, 1.2)):
        logps = torch.tensor([[math.log(9.0)]], requires_grad=True)
        values = [torch.zeros(1, 1), None, None, torch.ones(1), torch.ones(1, 1)]
        counts = {"total_tokens": 1, "total_sequences": 1, "max_tokens": 1}
        parts = policy_loss(logps, *values, objective("cispo", **changes), **counts)  # type: ignore[arg-type]
        (gradient,) = torch.autograd.grad(parts.loss, logps)
        assert gradient.item() == pytest.approx(-weight)
        assert parts.clip_fraction == 1


def test_prompt_mean_weighs_questions_alike() -> None:
    """One question with 3 tokens over two episodes, one with a single token: SkyRL's prompt_mean."""
    logps = torch.zeros(3, 2)
    parts = policy_loss(
        logps,
        logps,
        None,
        None,
        torch.tensor([1.0, 1.0, 5.0]),
        torch.tensor([[1, 1], [1, 0], [0, 1]]),
        objective("dapo", aggregate="prompt_mean"),
        total_tokens=4,
        total_sequences=3,
        max_tokens=10,
        prompt_tokens_B=torch.tensor([3, 3, 1]),
        total_prompts=2,
    )
    assert parts.loss.item() == pytest.approx(-(1.0 + 5.0) / 2)


def test_nothing_to_learn_from_is_no_loss() -> None:
    data = Data()
    data.mask = torch.zeros_like(data.mask)
    parts = data.loss(objective(**EVERY_TERM))
    assert parts.loss.item() == 0
    assert parts.ratio_max == parts.rollout_ratio_max == 0
    (gradient,) = torch.autograd.grad(parts.loss, data.logps)
    assert not gradient.any()


def test_the_unbiased_kl_has_the_gradient_of_the_divergence() -> None:
    """Summed over all outcomes of a small policy: k1 and k3 times the ratio, k2 as it is."""
    logits = torch.tensor([0.3, -0.5, 1.1, 0.0], dtype=torch.float64, requires_grad=True)
    reference = torch.tensor([0.0, 0.4, 0.2, -0.3], dtype=torch.float64).log_softmax(0)
    logps = logits.log_softmax(0)
    (exact,) = torch.autograd.grad((logps.exp() * (logps - reference)).sum(), logits, retain_graph=True)
    for kl, unbiased, right in (
        ("k1", True, True),
        ("k3", True, True),
        ("k2", False, True),
        ("k1", False, False),
        ("k3", False, False),
    ):
        gradient = torch.zeros(4, dtype=torch.float64)
        for token in range(4):
            one = logps[token][None, None]
            counts = {"total_tokens": 1, "total_sequences": 1, "max_tokens": 1}
            spec = objective(kl=kl, kl_unbiased=unbiased, kl_coefficient=1.0)
            zero, mask = torch.zeros(1, dtype=torch.float64), torch.ones(1, 1)
            loss = policy_loss(one, one.detach(), reference[token][None, None], None, zero, mask, spec, **counts).loss  # type: ignore[arg-type]
            (part,) = torch.autograd.grad(loss, logits, retain_graph=True)
            gradient += logps[token].exp().detach() * part
        assert torch.allclose(gradient, exact, atol=1e-12) is right, (kl, unbiased)
