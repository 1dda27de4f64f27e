"""Log-probabilities and entropies of chosen tokens, without ever holding the logits of a whole micro-batch.

The output layer runs over a chunk of the wanted positions at a time; its logits are reduced to two numbers per token
at once and made again, chunk by chunk, when gradients are asked for. So the largest tensor beyond the model's own is
``CHUNK_LOGITS`` float32 values, or one row of the vocabulary, whatever the batch and its length.

With z the logits over temperature and p = softmax(z): logp = z[target] - logsumexp(z), entropy H = logsumexp(z) -
sum(p z), d logp / d z_j = [j = target] - p_j, d H / d z_j = -p_j (log p_j + H).

Shapes: B sequences, T positions, E hidden size, N wanted tokens, C tokens of a chunk, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from r1ci.train.batching import Batch
from r1ci.train.packing import states_before

CHUNK_LOGITS = {"cuda": 1 << 26, "cpu": 1 << 22}
"""Logits made at a time: enough rows to keep the device busy, few enough to count for nothing (float32: 256 MiB on a
GPU, 16 MiB on a CPU, where they stay near its caches)."""

CALL = "r1ci_call"
"""Name under which a sharded model offers to run a function with its weights gathered."""

COMPUTE_IN = "r1ci_compute_in"
"""Name under which a whole model keeps the number format of its passes, where that is not its weights'."""


class TokenLogps(NamedTuple):
    """Log-probabilities of the tokens at mask 1 given what precedes them; 0 elsewhere."""

    logps_BT: Tensor
    entropy_BT: Tensor
    """Entropy of the distribution each was drawn from; 0 elsewhere. Without gradient unless asked for."""


def token_logps(model: Any, batch: Batch, temperature: float = 1.0, *, entropy: bool = False) -> TokenLogps:
    """Log-probabilities under the model at a temperature; logits are made for the masked positions alone.

    With ``entropy``, the entropy carries gradient too. On a sharded model all workers must call this together.
    """
    made: TokenLogps = call(model, _token_logps, batch, temperature, entropy)
    return made


def call(model: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """``function(model, *arguments)``, in the number format of the model's passes and, on a sharded model, with the
    weights outside its layers gathered meanwhile."""
    run, dtype = getattr(model, CALL, None), getattr(model, COMPUTE_IN, None)
    if run is not None:
        return run(function, *arguments)
    with torch.autocast(model.device.type, dtype=dtype, enabled=dtype is not None):
        return function(model, *arguments)


def _token_logps(model: Any, batch: Batch, temperature: float, entropy: bool) -> TokenLogps:
    wanted_BT = batch.mask_BT[:, 1:] > 0
    head = model.get_output_embeddings()
    target_N = batch.ids_N[batch.rows_BT[:, 1:][wanted_BT]]
    logp_N, entropy_N = head_logps(
        states_before(model.base_model, batch), head.weight, head.bias, target_N, temperature=temperature
    )
    return TokenLogps(_spread(logp_N, wanted_BT), _spread(entropy_N if entropy else entropy_N.detach(), wanted_BT))


def head_logps(
    hidden_NE: Tensor,
    weight_VE: Tensor,
    bias_V: Tensor | None,
    target_N: Tensor,
    *,
    temperature: float = 1.0,
    chunk_logits: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Log-probabilities (N) of the targets and entropies (N) under an output layer, both with gradient, in float32."""
    limit = chunk_logits or CHUNK_LOGITS["cuda" if hidden_NE.is_cuda else "cpu"]
    rows = max(1, limit // weight_VE.shape[0])
    made: tuple[Tensor, Tensor] = _HeadLogps.apply(  # type: ignore[no-untyped-call]
        hidden_NE, weight_VE.to(hidden_NE.dtype), bias_V, target_N, temperature, rows
    )
    return made


class _HeadLogps(torch.autograd.Function):
    """The output layer and what follows it, chunk by chunk, forward and backward."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_NE: Tensor,
        weight_VE: Tensor,
        bias_V: Tensor | None,
        target_N: Tensor,
        temperature: float,
        rows: int,
    ) -> tuple[Tensor, Tensor]:
        logp_N, entropy_N, log_total_N = (torch.empty(len(target_N), device=hidden_NE.device) for _ in range(3))
        for start in range(0, len(target_N), rows):
            part = slice(start, start + rows)
            z_CV = _logits(hidden_NE[part], weight_VE, bias_V, temperature)
            log_total_N[part] = torch.logsumexp(z_CV, dim=-1)
            logp_N[part] = z_CV.gather(1, target_N[part, None])[:, 0] - log_total_N[part]
            logprob_CV = z_CV.sub_(log_total_N[part, None])
            entropy_N[part] = -(logprob_CV.exp() * logprob_CV).sum(dim=-1)
        ctx.save_for_backward(hidden_NE, weight_VE, bias_V, target_N, log_total_N, entropy_N)
        ctx.temperature, ctx.rows = temperature, rows
        ctx.set_materialize_grads(False)
        return logp_N, entropy_N

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        hidden_NE, weight_VE, bias_V, target_N, log_total_N, entropy_N = ctx.saved_tensors
        logp_grad_N, entropy_grad_N = upstream
        if logp_grad_N is None:
            logp_grad_N = torch.zeros_like(log_total_N)
        hidden_grad_NE = torch.empty_like(hidden_NE)
        weight_grad_VE = torch.zeros_like(weight_VE) if ctx.needs_input_grad[1] else None
        bias_grad_V = torch.zeros_like(bias_V) if bias_V is not None and ctx.needs_input_grad[2] else None
        for start in range(0, len(target_N), ctx.rows):
            part = slice(start, start + ctx.rows)
            z_CV = _logits(hidden_NE[part], weight_VE, bias_V, ctx.temperature).sub_(log_total_N[part, None])
            factor_C1 = logp_grad_N[part, None]
            if entropy_grad_N is not None:
                factor_CV = (z_CV + entropy_N[part, None]).mul_(entropy_grad_N[part, None]).add_(factor_C1)
                grad_CV = z_CV.exp_().mul_(factor_CV).neg_()
            else:
                grad_CV = z_CV.exp_().mul_(-factor_C1)
            grad_CV.scatter_add_(1, target_N[part, None], factor_C1)
            grad_CV = grad_CV.div_(ctx.temperature).to(hidden_NE.dtype)
            hidden_grad_NE[part] = grad_CV @ weight_VE
            if weight_grad_VE is not None:
                weight_grad_VE.addmm_(grad_CV.T, hidden_NE[part])
            if bias_grad_V is not None:
                bias_grad_V += grad_CV.sum(dim=0)
        return hidden_grad_NE, weight_grad_VE, bias_grad_V, None, None, None


def _logits(hidden_CE: Tensor, weight_VE: Tensor, bias_V: Tensor | None, temperature: float) -> Tensor:
    """Logits of a chunk over the temperature, in float32."""
    with torch.autocast(hidden_CE.device.type, enabled=False):
        bias = None if bias_V is None else bias_V.to(hidden_CE.dtype)
        z_CV = torch.nn.functional.linear(hidden_CE, weight_VE, bias).float()
    return z_CV if temperature == 1.0 else z_CV.div_(temperature)


def _spread(values_N: Tensor, wanted_BT: Tensor) -> Tensor:
    """Back to (B, T), shifted so that a token's value stands at the token."""
    out_BT = torch.zeros(wanted_BT.shape, dtype=values_N.dtype, device=values_N.device)
    out_BT = out_BT.masked_scatter(wanted_BT, values_N)
    return torch.nn.functional.pad(out_BT, (1, 0))
