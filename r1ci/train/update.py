"""From the episodes of a step to new weights.

The loss of an update is the objective over all its episodes, on all workers, whatever the micro-batches: every part is
divided by totals of the whole update. Without a KL or an entropy term, episodes of zero advantage have no gradient and
are not run through the model.

Shapes: B questions, G episodes per question, T positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from r1ci.agents.trajectory import Trajectory
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, Rl
from r1ci.train.advantages import advantages
from r1ci.train.batching import Batch, collate, micro_batches
from r1ci.train.ledger import Recorder
from r1ci.train.logprobs import token_logps
from r1ci.train.objectives import LossParts, policy_loss
from r1ci.train.optimizer import TrainOptimizer, apply_gradients, learning_rate
from r1ci.train.sharding import gather, rank, total, world

PER_TOKEN = ("entropy", "clip_fraction", "kl", "ratio", "mismatch", "kept_fraction")
"""Statistics that are means over the tokens of the episodes that were run through the model."""
STATISTICS = ("loss", *PER_TOKEN)


class Trainer:
    """Holds the policy, the frozen reference and the optimizer; ``update`` changes the policy in place."""

    def __init__(
        self,
        policy: Policy,
        reference: Any,
        optimizer: TrainOptimizer,
        spec: Rl,
        agent: AgentSpec,
        runtime: Mapping[str, Any],
    ) -> None:
        self._policy, self._reference, self._optimizer = policy, reference, optimizer
        self._spec, self._objective = spec, spec.objective
        self._episode_tokens = min(agent.context_tokens, agent.turn_tokens * (agent.max_code_calls + 1))
        self._micro_batch_tokens = runtime["compute"]["micro_batch_tokens"]
        self.recorder: Recorder | None = None
        """Where a step's update is written down; None where it is not."""

    def update(self, trajectories: Sequence[Trajectory], step: int, steps: int) -> tuple[Tensor, dict[str, float]]:
        """Advantages (B, G) of this worker's episodes, and what happened, as named numbers."""
        size = self._spec.group_size
        advantages_BG = self._advantages(trajectories)
        advantages_E = advantages_BG.flatten().tolist()
        rate = learning_rate(step, steps, self._spec)
        old = self._old_logps(trajectories) if self._spec.updates_per_step > 1 else None
        sums: dict[str, float] = {}
        for number in range(self._spec.updates_per_step):
            chosen = _portion(len(trajectories) // size, number, self._spec.updates_per_step, size)
            parts = self._accumulate(trajectories, advantages_E, chosen, old)
            moved = parts.pop("seen_tokens") > 0
            norm = 0.0
            if moved:
                norm = apply_gradients(self._policy.model, self._optimizer, rate, self._spec.max_grad_norm)
            for key, value in {**parts, "grad_norm": norm}.items():
                sums[key] = sums.get(key, 0.0) + value / self._spec.updates_per_step
        return advantages_BG, {**sums, "learning_rate": rate}

    def facts(self, values: Mapping[str, float]) -> dict[str, Any]:
        """What the ledger says of a whole step, given the metrics that are logged for it."""
        return {
            "stage": values["stage"],
            "loss": values["loss"],
            "updates": [] if self.recorder is None else self.recorder.updates,
            "objective": self._objective.model_dump(mode="json"),
            "max_tokens": self._episode_tokens,
            "group_size": self._spec.group_size,
            "temperature": self._spec.temperature,
            "top_p": self._spec.top_p,
        }

    def _advantages(self, trajectories: Sequence[Trajectory]) -> Tensor:
        """Advantages (B, G) of this worker's questions, with statistics over the questions of all workers."""
        size = self._spec.group_size
        groups = [trajectories[start : start + size] for start in range(0, len(trajectories), size)]
        mine = [([item.reward for item in group], [item.scored for item in group]) for group in groups]
        everybody = gather(mine)
        rewards_BG = torch.tensor([rewards for rewards, _ in everybody], dtype=torch.float32)
        valid_BG = torch.tensor([scored for _, scored in everybody])
        return advantages(rewards_BG, self._objective, valid_BG)[rank() :: world()]

    def _accumulate(
        self,
        trajectories: Sequence[Trajectory],
        advantages_E: Sequence[float],
        chosen: Sequence[int],
        old: Mapping[int, Tensor] | None,
    ) -> dict[str, float]:
        """Gradients of one update; over all workers its loss, statistics and ``seen_tokens``, 0 where nothing moves."""
        scored = [index for index in chosen if trajectories[index].scored]
        total_tokens = total(sum(trajectories[index].generated_tokens for index in scored))
        total_sequences = total(len(scored))
        quiet = self._objective.kl_coefficient == 0 and self._objective.entropy_coefficient == 0
        run = [index for index in scored if advantages_E[index] != 0 or not quiet]
        seen_tokens = total(sum(trajectories[index].generated_tokens for index in run))
        sums: dict[str, float] = dict.fromkeys(STATISTICS, 0.0)
        lengths = [len(trajectories[index].ids) for index in run]
        for chunk in micro_batches(lengths, self._micro_batch_tokens):
            parts = self._loss(trajectories, [run[i] for i in chunk], advantages_E, old, total_tokens, total_sequences)
            parts.loss.backward()
            for name in STATISTICS:
                sums[name] += float(getattr(parts, name).detach())
        sums = {name: total(value) for name, value in sums.items()}
        if self.recorder is not None:
            self.recorder.updates.append({"loss": sums["loss"], "tokens": total_tokens, "sequences": total_sequences})
        for name in PER_TOKEN:
            sums[name] *= total_tokens / max(1.0, seen_tokens)
        if self._reference is None:
            del sums["kl"]
        return {**sums, "seen_tokens": seen_tokens}

    def _loss(
        self,
        trajectories: Sequence[Trajectory],
        indices: Sequence[int],
        advantages_E: Sequence[float],
        old: Mapping[int, Tensor] | None,
        total_tokens: float,
        total_sequences: float,
    ) -> LossParts:
        """Loss of one micro-batch as its share of the update's."""
        batch = self._collate([trajectories[index] for index in indices])
        temperature = self._spec.temperature
        now = token_logps(self._policy.model, batch, temperature, entropy=self._objective.entropy_coefficient > 0)
        reference_BT = None
        if self._reference is not None:
            with torch.no_grad():
                reference_BT = token_logps(self._reference, batch, temperature).logps_BT
        old_BT = now.logps_BT.detach() if old is None else _stack([old[index] for index in indices], batch)
        if self.recorder is not None:
            bonus = self._objective.entropy_coefficient > 0
            self.recorder.keep(
                indices,
                [len(trajectories[index].ids) for index in indices],
                logps=None if old is None else now.logps_BT,
                old_logps=old_BT,
                ref_logps=reference_BT,
                entropies=now.entropy_BT if bonus else None,
            )
        return policy_loss(
            now.logps_BT,
            old_BT,
            reference_BT,
            now.entropy_BT,
            torch.tensor([advantages_E[index] for index in indices], device=batch.ids_BT.device),
            batch.mask_BT,
            self._objective,
            total_tokens=int(total_tokens),
            total_sequences=int(total_sequences),
            max_tokens=self._episode_tokens,
            rollout_logps_BT=_stack([torch.tensor(trajectories[index].logprobs) for index in indices], batch),
        )

    def _old_logps(self, trajectories: Sequence[Trajectory]) -> dict[int, Tensor]:
        """Log-probabilities under the policy as it is before the first update, by episode."""
        old: dict[int, Tensor] = {}
        lengths = [len(item.ids) for item in trajectories]
        for chunk in micro_batches(lengths, self._micro_batch_tokens):
            batch = self._collate([trajectories[index] for index in chunk])
            with torch.no_grad():
                logps_BT = token_logps(self._policy.model, batch, self._spec.temperature).logps_BT
            old |= {index: logps_BT[row, : lengths[index]] for row, index in enumerate(chunk)}
        return old

    def _collate(self, trajectories: Sequence[Trajectory]) -> Batch:
        pad = self._policy.tokenizer.pad_token_id
        ids, masks = [item.ids for item in trajectories], [item.mask for item in trajectories]
        return collate(ids, masks, pad, load.device())


def _portion(questions: int, number: int, updates: int, group_size: int) -> list[int]:
    """Episode indices of one update: every updates-th question with all its episodes."""
    return [
        question * group_size + sample for question in range(number, questions, updates) for sample in range(group_size)
    ]


def _stack(rows: Sequence[Tensor], batch: Batch) -> Tensor:
    """Values per token as a right-padded tensor of the batch's shape."""
    out_BT = torch.zeros_like(batch.mask_BT)
    for index, row in enumerate(rows):
        out_BT[index, : len(row)] = row
    return out_BT
