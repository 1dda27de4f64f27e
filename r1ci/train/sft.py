"""Supervised fine-tuning on demonstrations, as a Ray Train function.

The loss is the mean negative log-likelihood over the learned tokens of the whole batch, whatever the number of
workers and the micro-batches. Execution results, prompts and failing programs are masked (paper section 3.1 does not
say; this is the choice of its RL stage).
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1ci.errors import StepFailed
from r1ci.models import load
from r1ci.spec.models import Sft
from r1ci.store.metrics import MetricLog
from r1ci.teachers import demonstration
from r1ci.teachers.demonstration import Tokens
from r1ci.train import progress, weights
from r1ci.train.batching import collate, micro_batches
from r1ci.train.checkpoints import Checkpoints
from r1ci.train.logprobs import token_logps
from r1ci.train.optimizer import apply_gradients, learning_rate, make_optimizer
from r1ci.train.sharding import rank, rounds, share, total


def train_sft(config: Mapping[str, Any]) -> None:
    """Fine-tune ``reads.model`` on ``reads.demonstrations`` and save it; resumes from the folder's checkpoints.

    ``config``: the attempt's ``folder``, the step's ``inputs`` (sft, precision, seed), folders by role in ``reads``,
    and ``runtime`` (compute).
    """
    folder, inputs = Path(config["folder"]), config["inputs"]
    spec = Sft.model_validate(inputs["sft"])
    compute = {**config["runtime"]["compute"], "precision": inputs["precision"]}
    policy = load.load_folder(Path(config["reads"]["model"]) / "model", on=weights.place(compute))
    model = weights.prepare(policy, compute, spec.lora, seed=inputs["seed"]).model.train()
    shown = demonstration.read(Path(config["reads"]["demonstrations"]) / "demonstrations.jsonl.gz")
    tokenised = [demonstration.tokenise(item, policy.tokenizer) for item in shown]
    data = [item for item in tokenised if len(item.ids) <= spec.max_tokens]
    if not data:
        raise StepFailed(
            f"sft: every demonstration is longer than sft.max_tokens ({spec.max_tokens})", "raise sft.max_tokens"
        )
    steps = spec.epochs * -(-len(data) // spec.batch_size)
    optimizer = make_optimizer(model, spec)
    max_tokens = compute["micro_batch_tokens"]
    with MetricLog(folder, enabled=rank() == 0) as log, Checkpoints(folder, model, optimizer) as checkpoints:
        first = checkpoints.restore()
        log.rewind(first)
        for step in range(first, steps):
            began = time.perf_counter()
            batch = batch_of(data, step, spec.batch_size, inputs["seed"])
            loss, tokens = accumulate(model, batch, max_tokens)
            rate = learning_rate(step, steps, spec)
            norm = apply_gradients(model, optimizer, rate, spec.max_grad_norm)
            seconds = time.perf_counter() - began
            log.log(
                step,
                {"loss": loss, "learning_rate": rate, "grad_norm": norm, "tokens": tokens, "seconds": seconds},
            )
            progress.tell(folder, step + 1, steps, f"loss {loss:.3f}")
            checkpoints.after(step + 1, steps, compute["checkpoint_every"])
    weights.save(policy, folder / "model")


def batch_of(data: Sequence[Tokens], step: int, size: int, seed: int) -> list[Tokens]:
    """The demonstrations of a step: every epoch goes through all of them in an order of its own."""
    per_epoch = -(-len(data) // size)
    order = list(range(len(data)))
    random.Random(f"sft {seed} {step // per_epoch}").shuffle(order)
    start = step % per_epoch * size
    return [data[index] for index in order[start : start + size]]


def accumulate(model: Any, batch: Sequence[Tokens], max_tokens: int) -> tuple[float, int]:
    """Gradients of the batch's mean loss per learned token; the loss and the number of tokens read."""
    mine = share(batch)
    learned = total(sum(sum(item.mask) for item in mine))
    loss = 0.0
    for chunk in rounds(micro_batches(mine, max_tokens), model):
        together = collate([mine[i] for i in chunk], load.device())
        part = -token_logps(model, together).logps_BT.sum() / learned
        part.backward()
        loss += float(part.detach())
    return total(loss), int(total(sum(len(item.ids) for item in mine)))
