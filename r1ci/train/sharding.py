"""What changes when a train function runs on several workers: who does which share, and sums over all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

Item = TypeVar("Item")


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
    if world() == 1:
        return value
    cell = torch.tensor(value, dtype=torch.float64, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(cell)
    return float(cell)


def gather(items: list[Item]) -> list[Item]:
    """Everybody's items, in the order that ``share`` dealt them out of."""
    if world() == 1:
        return items
    lists: list[Any] = [None] * world()
    dist.all_gather_object(lists, items)
    return [part[i] for i in range(max(map(len, lists))) for part in lists if i < len(part)]


def sum_gradients(parameters: Iterable[Tensor]) -> None:
    """Add up the gradients of all workers, in one message."""
    if world() == 1:
        return
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()
