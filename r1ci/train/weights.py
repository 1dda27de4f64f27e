"""Models as the trainer needs them, and whole plain weights out of them again, for the engine and for saving.

A trained model may be sharded over workers, compute in bfloat16 from float32 weights, and carry LoRA adapters
(arXiv 2106.09685: W + alpha / rank x B A). None of that leaves this file: the engine and ``model/`` get whole weights
with the adapters merged, under the names that the model had before.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.utils.checkpoint import checkpoint

from r1ci.errors import EnvironmentMissing, StepFailed
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.spec.models import Lora
from r1ci.train.logprobs import CALL, COMPUTE_IN, call
from r1ci.train.sharding import is_sharded, layers, rank, shard

ADAPTER = "default"


def place(compute: Mapping[str, Any]) -> str:
    """The device to load a model on that ``prepare`` is given next: a sharded one moves from the host in pieces."""
    return "cpu" if is_sharded(compute) else load.device()


def prepare(
    policy: Policy, compute: Mapping[str, Any], lora: Lora | None = None, *, seed: int = 0, trained: bool = True
) -> Policy:
    """Make a freshly loaded model ready for the trainer, in place: adapters, checkpointing, sharding, precision.

    ``trained=False`` is for models that are only asked, such as the reference. ``seed`` draws the adapters.
    """
    model = policy.model
    if compute["offload"] and not is_sharded(compute):
        raise EnvironmentMissing("compute.offload needs sharded training", "set compute.workers to 1 or more")
    if trained and lora is not None:
        add_lora(model, lora, seed)
    if trained and compute["activation_checkpointing"]:
        for layer in layers(model):
            layer.forward = _checkpointed(layer.forward)
    if is_sharded(compute):
        shard(model, compute)
    elif compute["precision"] == "bf16":
        setattr(model, COMPUTE_IN, torch.bfloat16)
    return policy


def _checkpointed(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A block whose activations are made again in the backward pass instead of being kept."""

    def run(*arguments: Any, **options: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*arguments, **options)
        return checkpoint(forward, *arguments, use_reentrant=False, preserve_rng_state=False, **options)

    return run


def add_lora(model: Any, lora: Lora, seed: int) -> None:
    """Put low-rank adapters on the named linear layers and freeze all else.

    Raises:
        EnvironmentMissing: peft is not installed.
        StepFailed: no layer of the model has one of the names.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise EnvironmentMissing("LoRA needs peft", "pip install 'r1ci[lora]'") from None
    names = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    if unknown := sorted(set(lora.targets) - (names - {"lm_head"})):
        raise StepFailed(
            f"lora.targets: the model has no layer named {', '.join(unknown)}",
            f"choose of {', '.join(sorted(names - {'lm_head'}))}",
        )
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.targets), lora_dropout=0.0)
        inject_adapter_in_model(config, model, adapter_name=ADAPTER)
    model.to(device)


class WithoutAdapters:
    """The model that adapters were put on, as it was before: the same weights, asked through ``logprobs.call``.

    Only for passes without gradient; no copy is made. What a pass that is waiting for its backward has kept stays as
    it was.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        setattr(self, CALL, self._call)

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        with _base_layers_only(self._model):
            return call(self._model, function, *arguments)


@contextlib.contextmanager
def _base_layers_only(model: Any) -> Iterator[None]:
    """Go past the adapters for a while. peft's own switch would also change which parameters learn, which FSDP2 must
    not see between a forward pass and its backward pass."""
    adapted = list(_adapted(model).values())
    for module in adapted:
        module.forward = module.base_layer.forward
    try:
        yield
    finally:
        for module in adapted:
            del module.forward


def _adapted(model: Any) -> dict[str, Any]:
    """The layers that carry an adapter, by name."""
    return {name: module for name, module in model.named_modules() if hasattr(module, "lora_A")}


def whole_weights(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Every parameter whole, adapters merged, under the name it has without them; one is held at a time.

    On a sharded model all workers must go through this together.
    """
    adapted = _adapted(model)
    inside = tuple(f"{name}." for name in adapted)
    for name, parameter in model.named_parameters():
        if not name.startswith(inside):
            yield name, _whole(parameter)
        elif ".base_layer." in name:
            owner = name.split(".base_layer.")[0]
            yield name.replace(".base_layer.", "."), _merged(adapted[owner], name, parameter)


def _merged(module: Any, name: str, parameter: Tensor) -> Tensor:
    base = _whole(parameter)
    if not name.endswith(".weight"):
        return base
    down, up = (_whole(getattr(module, part)[ADAPTER].weight) for part in ("lora_A", "lora_B"))
    return torch.add(base, up @ down, alpha=module.scaling[ADAPTER])


def _whole(parameter: Tensor) -> Tensor:
    tensor: Any = parameter.detach()
    if not isinstance(tensor, DTensor):
        return parameter.detach()
    if torch.cuda.is_available() and tensor.device.type == "cpu":  # offloaded: nccl gathers on the GPU alone
        tensor = tensor.to("cuda")
    whole: Tensor = tensor.full_tensor()
    return whole


def sampler(policy: Policy, compute: Mapping[str, Any], folder: Path, engine: str = "hf") -> Policy:
    """The policy that episodes are sampled with: the trained model itself where it is whole and float32, else a copy.

    The copy is loaded from the folder that the policy came from, in the precision of the training; ``sync`` brings it
    up to date. For an engine that keeps weights of its own it waits in the host's memory, not on the GPU.
    """
    if not is_sharded(compute) and compute["precision"] == "fp32":
        return policy
    copied = load.load_folder(folder, compute["precision"], on=load.device() if engine == "hf" else "cpu")
    copied.model.requires_grad_(False)
    return Policy(copied.model, policy.tokenizer)


@torch.no_grad()
def sync(policy: Policy, copied: Policy) -> None:
    """Write the policy's weights into its sampling copy. All workers together; nothing to do where they are one."""
    if copied.model is policy.model:
        return
    into = dict(copied.model.named_parameters())
    for name, tensor in whole_weights(policy.model):
        into[name].copy_(tensor)


def save(policy: Policy, folder: Path) -> None:
    """Write the policy whole and in float32 so that plain transformers loads it. All workers together; one writes."""
    weights = {}
    for name, tensor in whole_weights(policy.model):
        if rank() == 0:
            weights[name] = tensor.cpu()
    if rank() == 0:
        load.save(Policy(_plain(policy.model, weights), policy.tokenizer), folder)


def _plain(model: Any, weights: Mapping[str, Tensor]) -> Any:
    """A model of the same kind with these weights; what has none (tied weights, buffers) follows from them."""
    config = copy.deepcopy(model.config)
    with torch.device("meta"):
        made = _original(type(model))(config)
    made.load_state_dict(dict(weights), strict=False, assign=True)
    made.tie_weights()
    made.generation_config = model.generation_config
    return made


def _original(kind: type) -> type:
    """The class that sharding made a subclass of."""
    from torch.distributed.fsdp import FSDPModule

    return kind.__mro__[2] if issubclass(kind, FSDPModule) else kind
