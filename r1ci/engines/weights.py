"""Weights on their way from the trainer to an engine, and the proof that they have arrived.

An engine that keeps weights of its own may accept new ones and still sample from others: a tensor that was left out, a
tied one that is stored twice, a layout that was not repacked. So after every transfer both sides score the same text,
and their log-probabilities must agree. What this cannot see: weights whose log-probabilities differ by less than the
tolerance, such as those of one small step earlier in bf16.

Shapes: T positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from r1ci.errors import R1ciError
from r1ci.models.chat import encode

PROBE = (
    "Count the letters of 'interpreter', then print 3 * 17 - 4.\n```python\nword = 'interpreter'\n"
    "print(len(word), 3 * 17 - 4)\n```\nCode Execution Results: 11 47\nThe answer is <<<47>>>."
)
"""What both sides score: text of the kind that is trained on, so that no token of it is absurdly unlikely."""

PROBE_TOKENS = 96
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.25, torch.float16: 0.05}
"""Largest difference of log-probabilities that rounding explains, by number format."""

HEAD = "lm_head.weight"
EMBEDDINGS = "embed_tokens.weight"


class WeightsDisagree(R1ciError):
    """An engine does not score as the trainer does after it was given the trainer's weights."""


Weights = Callable[[], Iterable[tuple[str, Tensor]]]
"""Gives every weight of a model under its checkpoint's name, whole and as it is now."""


def weights_of(model: Any) -> Weights:
    """The weights of a model that is neither sharded nor carries adapters."""
    return lambda: ((name, value.detach()) for name, value in model.named_parameters())


def with_head(weights: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """The same weights with an output head among them: the embeddings, where it is tied to them and has no entry.

    An engine may keep a repacked copy of the head even where it is tied, and would go on with the old one.
    """
    names, embeddings = set(), None
    for name, value in weights:
        names.add(name)
        if name.endswith(EMBEDDINGS):
            embeddings = value
        yield name, value
    if HEAD not in names and embeddings is not None:
        yield HEAD, embeddings


def probe_ids(tokenizer: Any) -> tuple[int, ...]:
    """The ids that both sides score."""
    return encode(tokenizer, PROBE)[:PROBE_TOKENS]


def score(model: Any, ids: Sequence[int]) -> list[float]:
    """Log-probability of each id after the first, given those before it, at temperature 1."""
    training = model.training
    model.eval()
    try:
        device = next(model.parameters()).device
        with torch.no_grad():
            logits_TV = model(input_ids=torch.tensor([list(ids)], device=device)).logits[0, :-1].float()
    finally:
        model.train(training)
    next_T = torch.tensor(list(ids[1:]), device=logits_TV.device)
    scores: list[float] = torch.log_softmax(logits_TV, -1).gather(1, next_T[:, None])[:, 0].tolist()
    return scores


def prove(trainer: Sequence[float], engine: Sequence[float], tolerance: float, version: int) -> float:
    """The largest difference between the two scores of the probe.

    Raises:
        WeightsDisagree: it exceeds ``tolerance``, a score is not a number, or the two have different lengths.
    """
    if len(trainer) != len(engine):
        raise WeightsDisagree(f"the engine scored {len(engine)} tokens of the probe, the trainer {len(trainer)}")
    differences = [abs(a - b) for a, b in zip(trainer, engine, strict=True)]
    worst = max(range(len(differences)), key=lambda i: (differences[i] != differences[i], differences[i]))
    if not differences[worst] <= tolerance:
        raise WeightsDisagree(
            f"with weights of version {version} engine and trainer disagree: the largest difference of "
            f"log-probabilities is {differences[worst]:.4g}, at token {worst + 1} of the probe "
            f"(trainer {trainer[worst]:.4f}, engine {engine[worst]:.4f}); allowed is {tolerance:g}",
            "the weights did not reach the engine whole; if both are right and only round differently, raise "
            "engine.sync_tolerance",
        )
    return differences[worst]
