"""The optimizer, its learning-rate schedule, and one clipped step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from r1ci.errors import StepFailed
from r1ci.spec.models import Optimizer
from r1ci.train.sharding import sum_gradients

BETAS = (0.9, 0.95)


class TrainOptimizer:
    """One or several of torch's optimizers, stepped and saved as one."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self._parts = parts

    def step(self, rate: float) -> None:
        """Step at this learning rate and clear the gradients."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = rate
            part.step()
            part.zero_grad(set_to_none=True)

    def parameters(self) -> list[list[Tensor]]:
        """The parameters of every part, in the order in which its state counts them."""
        return [[parameter for group in part.param_groups for parameter in group["params"]] for part in self._parts]

    def state_dict(self) -> dict[str, Any]:
        """State of every part."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        for part, saved in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(saved)


def make_optimizer(model: Any, spec: Optimizer) -> TrainOptimizer:
    """AdamW over all parameters that learn, or Muon over the layers' matrices and AdamW over the rest.

    Weight decay is on matrices only. Muon's updates are scaled to AdamW's root mean square (arXiv 2502.16982,
    ``adjust_lr_fn="match_rms_adamw"`` of ``torch.optim.Muon``), so that both take the same learning rate.
    """
    embeddings = {id(model.get_input_embeddings().weight), id(model.get_output_embeddings().weight)}
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
    vectors = [parameter for parameter in parameters if parameter.ndim < 2]
    if spec.optimizer == "adamw":
        return TrainOptimizer(_adamw(matrices, vectors, spec))
    inner = [parameter for parameter in matrices if id(parameter) not in embeddings]
    outer = [parameter for parameter in matrices if id(parameter) in embeddings]
    muon = torch.optim.Muon(
        inner, lr=spec.learning_rate, weight_decay=spec.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return TrainOptimizer(muon, _adamw(outer, vectors, spec))


def _adamw(matrices: list[Tensor], vectors: list[Tensor], spec: Optimizer) -> torch.optim.AdamW:
    groups = [{"params": matrices, "weight_decay": spec.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=spec.learning_rate, betas=BETAS)


def learning_rate(step: int, steps: int, spec: Optimizer) -> float:
    """The rate of a step counted from 0: linear warm-up, then constant or a cosine to a tenth of the peak."""
    warm = spec.warmup * steps
    if step < warm:
        return spec.learning_rate * (step + 1) / (math.ceil(warm) + 1)
    if spec.schedule == "constant":
        return spec.learning_rate
    done = (step - warm) / max(1.0, steps - warm)
    return spec.learning_rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * done)))


def apply_gradients(model: Any, optimizer: TrainOptimizer, rate: float, max_grad_norm: float) -> float:
    """Sum gradients over workers, clip, step, clear; the gradient's norm before clipping.

    Raises StepFailed, with the weights untouched, if the gradient is no number.
    """
    sum_gradients(model.parameters())
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
    value = float(norm.full_tensor() if isinstance(norm, DTensor) else norm)
    if not math.isfinite(value):
        raise StepFailed(
            f"the gradient's norm is {value}: the loss or a log-probability is no number",
            "resume goes on from the last checkpoint; lower the learning_rate, or set compute.precision: fp32",
        )
    optimizer.step(rate)
    return value
