"""AdamW, its learning-rate schedule, and one clipped step."""

from __future__ import annotations

import math
from typing import Any

import torch

from r1ci.spec.models import Optimizer
from r1ci.train.sharding import sum_gradients

BETAS = (0.9, 0.95)


def make_optimizer(model: Any, spec: Optimizer) -> torch.optim.AdamW:
    """AdamW over all parameters; weight decay on matrices only."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": spec.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=spec.learning_rate,
        betas=BETAS,
    )


def learning_rate(step: int, steps: int, spec: Optimizer) -> float:
    """The rate of a step counted from 0: linear warm-up, then constant or a cosine to a tenth of the peak."""
    warm = spec.warmup * steps
    if step < warm:
        return spec.learning_rate * (step + 1) / (math.ceil(warm) + 1)
    if spec.schedule == "constant":
        return spec.learning_rate
    done = (step - warm) / max(1.0, steps - warm)
    return spec.learning_rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * done)))


def apply_gradients(model: Any, optimizer: torch.optim.AdamW, rate: float, max_grad_norm: float) -> float:
    """Sum gradients over workers, clip, step, clear; the gradient's norm before clipping."""
    sum_gradients(model.parameters())
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(norm)
