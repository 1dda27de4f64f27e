"""Weights between engine and trainer, restated with numpy episode by episode, and what is logged of them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from loss_peers import Data, objective

from r1ci.train.corrections import correct, effective_sample_size
from r1ci.train.segments import Segments

LOW, CAP = 0.85, 1.2
MODES = ["token_truncate", "token_mask", "sequence_truncate", "sequence_mask", "geometric_truncate", "geometric_mask"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_restated(mode: str) -> None:
    data = Data()
    spec = objective(correction=mode, correction_low=LOW, correction_cap=CAP)
    difference, mask = (data.old - data.rollout).numpy(), data.mask.numpy() == 1
    made = correct(torch.tensor(difference[mask]), Segments(data.mask.nonzero()[:, 0], 6), spec)
    level, how = mode.split("_")
    expected = []
    for row, sampled in zip(difference, mask, strict=True):
        d = row[sampled]
        raw = np.exp({"token": d, "sequence": np.full_like(d, d.sum()), "geometric": np.full_like(d, d.mean())}[level])
        inside = (raw >= LOW) & (raw <= CAP)
        kept = inside * (1.0 if level == "geometric" else raw)
        expected += [*(np.clip(raw, LOW, CAP) if how == "truncate" else kept)]
    np.testing.assert_allclose(made.weight_N.numpy(), expected, rtol=1e-12)
    if level != "geometric":
        assert 0 < made.kept_N.double().mean() < 1


def test_without_a_correction_nothing_is_weighed_and_everything_reported() -> None:
    difference = torch.tensor([0.0, math.log(3.0), -math.log(2.0)])
    made = correct(difference, Segments(torch.zeros(3, dtype=torch.long), 1), objective())
    assert made.weight_N.tolist() == [1.0, 1.0, 1.0]
    assert made.raw_N.tolist() == pytest.approx([1.0, 3.0, 0.5])
    assert made.kept_N.tolist() == [True, False, True]
    assert made.mismatch_N.tolist() == pytest.approx([1.0, 3.0, 2.0])


@pytest.mark.parametrize("mode", ["none", *MODES])
def test_no_figure_and_an_endless_one_leave_every_statistic_finite(mode: str) -> None:
    difference = torch.tensor([float("nan"), float("inf"), -float("inf"), 500.0, 0.1])
    spec = objective(correction=mode)
    made = correct(difference, Segments(torch.tensor([0, 0, 1, 1, 2]), 3), spec)
    for values in (made.weight_N, made.raw_N, made.mismatch_N):
        assert torch.isfinite(values).all()
    if mode == "token_truncate":
        assert made.weight_N[0] == 1
        assert made.weight_N.max() <= spec.correction_cap


def test_products_die_with_length_and_geometric_means_do_not() -> None:
    generator = torch.Generator().manual_seed(0)
    for length, least in ((100, 0.99), (10_000, 0.0)):
        difference = 0.02 * torch.randn(200 * length, generator=generator)
        segments = Segments(torch.arange(200).repeat_interleave(length), 200)
        product = correct(difference, segments, objective(correction="sequence_mask")).kept_N.double().mean()
        mean = correct(difference, segments, objective(correction="geometric_mask", correction_low=0.5)).kept_N
        assert mean.all()
        assert product >= least
    assert product < 0.9


@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=50))
def test_the_effective_sample_size_is_a_share(weights: list[float]) -> None:
    mean, square = float(np.mean(weights)), float(np.mean(np.square(weights)))
    size = effective_sample_size(mean, square)
    assert 1 / len(weights) - 1e-9 <= size <= 1 + 1e-9
    assert effective_sample_size(3 * mean, 9 * square) == pytest.approx(size)


def test_the_effective_sample_size_of_equal_weights_is_all_and_of_none_nothing() -> None:
    assert effective_sample_size(2.0, 4.0) == 1.0
    assert effective_sample_size(0.0, 0.0) == 0.0
