"""Models and tokenizers from folders, hubs and GGUF files; saved in the Hugging Face format."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from r1ci.errors import EnvironmentMissing
from r1ci.spec.models import GgufModel, HubModel


class Policy(NamedTuple):
    """A causal language model with its tokenizer."""

    model: Any
    tokenizer: Any


def load_folder(folder: Path, precision: str = "fp32", on: str | None = None) -> Policy:
    """What ``save`` wrote, or any folder in the Hugging Face format, on a device (default: ``device()``)."""
    return _from_pretrained(str(folder), precision, {}, on)


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer alone of what ``save`` wrote."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder))


def load_hub(spec: HubModel, precision: str = "fp32") -> Policy:
    """A model from a local folder or a hub."""
    return _from_pretrained(spec.path, precision, {"revision": spec.revision} if spec.revision else {})


def load_gguf(spec: GgufModel) -> Policy:
    """Weights of a quantised GGUF file, expanded to 32-bit floats.

    Raises:
        EnvironmentMissing: the file is not in the cache, or the packages that read it are not installed.
    """
    from r1ci.models.fetch import cached

    path = cached(spec)
    try:
        import accelerate  # noqa: F401
        import gguf  # noqa: F401
    except ImportError as error:
        raise EnvironmentMissing(f"reading {path.name} needs {error.name}", "pip install 'r1ci[gguf]'") from None
    return _plain(_from_pretrained(str(path.parent), "fp32", {"gguf_file": path.name}))


def _plain(policy: Policy) -> Policy:
    """The same weights in a model that does not remember having been quantised, which transformers would not save."""
    config = policy.model.config.to_dict()
    config.pop("quantization_config", None)
    model = type(policy.model)(type(policy.model.config).from_dict(config))
    model.load_state_dict(policy.model.state_dict())
    return Policy(model.to(policy.model.device), policy.tokenizer)


def save(policy: Policy, folder: Path) -> None:
    """Write weights, configuration, tokenizer and chat template so that plain transformers loads them."""
    policy.model.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)


def device() -> str:
    """Where models run in this process."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _from_pretrained(path: str, precision: str, options: dict[str, Any], on: str | None = None) -> Policy:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **options)
        model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, **options)
    except (OSError, ValueError, SafetensorError) as error:
        local = path.startswith((".", "/", "~"))
        reason = "no such folder" if local and not Path(path).is_dir() else str(error).splitlines()[0]
        raise EnvironmentMissing(
            f"cannot load the model {path!r}: {reason}",
            "give a local folder in the Hugging Face format (models: [./folder]), or run where the hub can be reached; "
            "HF_HUB_OFFLINE=1 uses only what is already in the cache",
        ) from None
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Policy(model.to(on or device()), tokenizer)
