"""Saving and loading, and models that are not there."""

from pathlib import Path
from typing import Any

import pytest
import torch

from r1ci.errors import EnvironmentMissing
from r1ci.models import load
from r1ci.models.chat import encode, prompt_ids
from r1ci.models.load import Policy
from r1ci.spec.models import HubModel


def hub(path: str) -> HubModel:
    return HubModel(kind="hub", name="some", path=path, parameters=1)


def logits(model: Any, ids: tuple[int, ...]) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([ids])).logits


def test_what_is_saved_loads_back_the_same(policy: Policy, tmp_path: Path) -> None:
    load.save(policy, tmp_path / "model")
    back = load.load_folder(tmp_path / "model")
    ids = prompt_ids(policy.tokenizer, "What is 12 + 3?")
    assert prompt_ids(back.tokenizer, "What is 12 + 3?") == ids
    assert torch.equal(logits(back.model.eval(), ids), logits(policy.model, ids))
    assert back.tokenizer.eos_token_id == policy.tokenizer.eos_token_id
    assert back.tokenizer.pad_token_id == policy.tokenizer.pad_token_id


def test_plain_transformers_loads_what_is_saved(policy: Policy, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    load.save(policy, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    ids = encode(tokenizer, "print(1)")
    assert ids == encode(policy.tokenizer, "print(1)")
    assert torch.equal(logits(model.eval(), ids), logits(policy.model, ids))


def test_a_local_folder_is_a_hub_model_too(policy: Policy, tmp_path: Path) -> None:
    load.save(policy, tmp_path)
    assert load.load_hub(hub(str(tmp_path))).model.config.hidden_size == 32


@pytest.mark.parametrize("path", ["nobody/no-such-model", "./no-such-folder"])
def test_a_model_that_cannot_be_loaded_is_one_clear_error(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EnvironmentMissing) as refused:
        load.load_hub(hub(path))
    assert refused.value.message.startswith(f"cannot load the model '{path}': ")
    assert "\n" not in refused.value.message
    assert "local folder" in refused.value.help
    assert refused.value.__suppress_context__


def test_an_empty_folder_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EnvironmentMissing, match="cannot load the model"):
        load.load_folder(tmp_path)


def test_damaged_weights_are_one_clear_error(policy: Policy, tmp_path: Path) -> None:
    load.save(policy, tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(EnvironmentMissing, match="cannot load the model"):
        load.load_folder(tmp_path)
