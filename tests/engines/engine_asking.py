"""A random policy, requests to any engine, and what transformers says of their completions."""

import asyncio
from collections.abc import Sequence

import torch

from r1ci.engines.protocol import Completion, Engine, Request
from r1ci.models.build import build_tiny
from r1ci.models.chat import encode
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer
from r1ci.spec.models import TinyModel


def tiny_policy(shape: TinyModel) -> Policy:
    tokenizer = train_tokenizer(["print(1 + 2)\n```\nthe answer is"] * 3, shape.vocabulary)
    return Policy(build_tiny(shape, tokenizer, 1).eval(), tokenizer)


def request(policy: Policy, text: str, episode: int, **options) -> Request:
    options = {"max_tokens": 12, "temperature": 1.0, "seed": episode, **options}
    return Request(ids=encode(policy.tokenizer, text), episode=episode, **options)


async def serve(engine: Engine, requests: Sequence[Request]) -> list[Completion]:
    async def one(asked: Request) -> Completion:
        await engine.open(asked.episode)
        try:
            return await engine.generate(asked)
        finally:
            await engine.release(asked.episode)

    return list(await asyncio.gather(*map(one, requests)))


def logps(model, context: Sequence[int], completion: Completion, temperature=1.0, top_p=1.0) -> list[float]:
    """Log-probability of each sampled id under transformers' forward pass, over the nucleus if there is one."""
    ids = torch.tensor([[*context, *completion.ids]])
    with torch.no_grad():
        logits = model(ids).logits[0, len(context) - 1 : -1].float() / temperature
    probability, order = torch.softmax(logits, -1).sort(-1, descending=True)
    outside = torch.zeros_like(logits, dtype=torch.bool).scatter(
        1, order, probability.cumsum(-1) - probability >= top_p
    )
    kept = torch.log_softmax(logits.masked_fill(outside, float("-inf")), -1)
    return [float(kept[i, token]) for i, token in enumerate(completion.ids)]
