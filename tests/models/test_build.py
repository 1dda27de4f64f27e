"""The tiny model: its weights hang on the seed alone."""

from typing import Any

import torch

from r1ci.models.build import build_tiny
from r1ci.spec.models import TinyModel


def equal(a: Any, b: Any) -> bool:
    ours, theirs = a.state_dict(), b.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_equal_seeds_give_equal_weights(shape: TinyModel, tokenizer: Any) -> None:
    first = build_tiny(shape, tokenizer, 3)
    torch.rand(5)
    assert equal(first, build_tiny(shape, tokenizer, 3))
    assert not equal(first, build_tiny(shape, tokenizer, 4))


def test_building_leaves_the_callers_random_numbers_alone(shape: TinyModel, tokenizer: Any) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build_tiny(shape, tokenizer, 3)
    assert torch.equal(torch.rand(3), expected)


def test_the_model_has_as_many_parameters_as_the_plan_says(shape: TinyModel, tokenizer: Any) -> None:
    assert sum(p.numel() for p in build_tiny(shape, tokenizer, 0).parameters()) == shape.parameters
