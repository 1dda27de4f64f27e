"""The base model of a cell: prepared once, and refused where its chat template cannot be trained with."""

from pathlib import Path
from typing import Any

import pytest

from r1ci.errors import EnvironmentMissing
from r1ci.models import load
from r1ci.models.build import build_tiny
from r1ci.models.chat import TEMPLATE
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer
from r1ci.plan.context import StepContext
from r1ci.plan.steps import Step
from r1ci.spec.models import HubModel, TinyModel
from r1ci.steps import model

FORGETFUL = TEMPLATE.replace("{{ message.content }}", "{{ message.content if loop.last else '...' }}")
SHAPE = TinyModel(layers=1, width=16, heads=2, kv_heads=1, feedforward=16, vocabulary=260)


@pytest.fixture
def base(tmp_path: Path) -> Policy:
    tokenizer = train_tokenizer(["What is 1 + 1?"], SHAPE.vocabulary)
    return Policy(build_tiny(SHAPE, tokenizer, 0), tokenizer)


def context(policy: Any, folder: Path) -> StepContext:
    """The context of a model step for a model in a local folder."""
    load.save(policy, folder / "given")
    spec = HubModel(name="given", path=str(folder / "given"))
    (folder / "made").mkdir()
    return StepContext(
        Step("model", {"model": spec.model_dump(mode="json")}, {}), folder / "made", {}, lambda progress: None
    )


def test_a_model_in_a_folder_is_put_into_the_store(base: Policy, tmp_path: Path) -> None:
    model.run(context(base, tmp_path))
    assert (tmp_path / "made" / "model" / "model.safetensors").is_file()


def test_a_model_whose_template_rewrites_earlier_turns_is_refused_before_anything_is_trained(
    base: Policy, tmp_path: Path
) -> None:
    base.tokenizer.chat_template = FORGETFUL
    with pytest.raises(
        EnvironmentMissing, match=r"given' .* does not keep what came before: with turn 2 added, token \d+"
    ):
        model.run(context(base, tmp_path))
    assert not (tmp_path / "made" / "model").exists()
