"""What changes when a train function runs on several workers: who does which share, sums over all, sharded models.

A sharded model (FSDP2, ``torch.distributed.fsdp.fully_shard``) gathers a layer's weights around that layer's forward
and backward pass, so every worker must make the same passes in the same order; ``rounds`` sees to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from types import MethodType
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor

from r1ci.train.logprobs import CALL

Item = TypeVar("Item")

_GROUP: ContextVar[Any] = ContextVar("group", default=None)
"""The process group that this thread gathers over; None: the first."""


def rank() -> int:
    """Number of this worker; 0 writes what everybody shares."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """Number of workers."""
    return dist.get_world_size() if dist.is_initialized() else 1


def share(items: Sequence[Item]) -> list[Item]:
    """This worker's items: every world-th, so that shares are equal up to one."""
    return list(items[rank() :: world()])


def total(value: float) -> float:
    """Sum of a number over all workers."""
    return _reduced(value, dist.ReduceOp.SUM)


def largest(value: float) -> float:
    """The largest of a number over all workers."""
    return _reduced(value, dist.ReduceOp.MAX)


def _reduced(value: float, operation: Any) -> float:
    if world() == 1:
        return value
    cell = torch.tensor(value, dtype=torch.float64, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(cell, operation)
    return float(cell)


def gather(items: list[Item]) -> list[Item]:
    """Everybody's items, in the order that ``share`` dealt them out of."""
    if world() == 1:
        return items
    lists: list[Any] = [None] * world()
    dist.all_gather_object(lists, items, group=_GROUP.get())
    return [part[i] for i in range(max(map(len, lists))) for part in lists if i < len(part)]


class Aside:
    """A process group of its own for what a second thread gathers while training goes on. Made by all workers."""

    def __init__(self) -> None:
        self._group = dist.new_group(backend="gloo") if world() > 1 else None

    def run(self, function: Callable[..., Item], *arguments: Any) -> Item:
        """Call a function; what it gathers goes over this group."""
        before = _GROUP.set(self._group)
        try:
            return function(*arguments)
        finally:
            _GROUP.reset(before)


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Add up the gradients of all workers, in one message; those of sharded parameters are sums already."""
    if world() == 1:
        return
    gradients = []
    for parameter in parameters:
        if isinstance(parameter, DTensor) or not parameter.requires_grad:
            continue
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    if not gradients:
        return
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


def is_sharded(compute: Mapping[str, Any]) -> bool:
    """Whether this process's models are to be sharded: on Ray workers, unless the spec says otherwise."""
    return dist.is_initialized() and compute["sharding"] == "full"


def shard(model: Any, compute: Mapping[str, Any]) -> None:
    """Shard a causal language model over all workers, in place; ``logprobs.call`` runs functions on it.

    Weights and gradients are kept in float32, each worker its rows; with ``precision: bf16`` they are gathered as
    bfloat16 and gradients are added up in float32. With ``offload`` weights, gradients and the optimizer's state stay
    in the host's memory and the optimizer runs there. Gradients are summed, not averaged: losses are already divided
    by totals over all workers.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

    cuda = torch.cuda.is_available()
    mesh = init_device_mesh("cuda" if cuda else "cpu", (world(),))
    options: dict[str, Any] = {"mesh": mesh}
    if compute["precision"] == "bf16":
        options["mp_policy"] = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    if compute["offload"]:
        options["offload_policy"] = CPUOffloadPolicy(pin_memory=cuda)
    for part in (*layers(model), model):
        fully_shard(part, **options)
        part.set_gradient_divide_factor(1.0)
        part.set_force_sum_reduction_for_comms(True)
    setattr(model, CALL, MethodType(_run, model))
    register_fsdp_forward_method(model, CALL)


def layers(model: Any) -> list[torch.nn.Module]:
    """The repeated blocks of a transformers model, where sharding and activation checkpointing cut it."""
    return list(model.base_model.layers)


def rounds(chunks: Sequence[list[int]], model: Any) -> list[list[int]]:
    """The micro-batches; for a sharded model, with empty ones behind so that all workers have equally many."""
    if not hasattr(model, CALL):
        return list(chunks)
    missing = int(largest(len(chunks))) - len(chunks)
    return [*chunks, *([] for _ in range(missing))]


def _run(model: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    return function(model, *arguments)
