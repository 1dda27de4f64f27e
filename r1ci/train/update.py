"""From the episodes of a step to new weights.

The loss of an update is the objective over all its episodes, on all workers, whatever the micro-batches: every part is
divided by totals of the whole update. Without a KL or an entropy term in it, episodes of zero advantage have no
gradient and are not run through the model.

Shapes: B questions, G episodes per question, T positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from r1ci.agents.trajectory import Trajectory
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, Rl
from r1ci.train.advantages import advantages, kl_penalty, per_token, token_advantages
from r1ci.train.batching import Batch, collate, micro_batches
from r1ci.train.corrections import effective_sample_size
from r1ci.train.critic import Critic, Judged, weigh
from r1ci.train.ledger import Recorder
from r1ci.train.logprobs import token_logps
from r1ci.train.objectives import LossParts, policy_loss
from r1ci.train.optimizer import TrainOptimizer, apply_gradients, learning_rate
from r1ci.train.screening import counts, episode_tokens, learns
from r1ci.train.sharding import gather, rank, rounds, total, world

CORRECTED = ("mismatch", "kept_fraction", "rollout_ratio", "rollout_ratio_square")
PER_TOKEN = ("entropy", "clip_fraction", "kl", "ratio", *CORRECTED)
"""Statistics that are means over the tokens of the episodes that were run through the model."""
STATISTICS = ("loss", *PER_TOKEN)
MAXIMA = ("ratio_max", "mismatch_max", "rollout_ratio_max")


@dataclass(frozen=True)
class _Portion:
    """Part of a step that one update learns from: this worker's episodes, and counts over all workers."""

    run: Sequence[int]
    """Episodes to run through the model."""
    tokens: float
    sequences: float
    prompts: float
    seen_tokens: float
    """Tokens to learn from of the episodes that are run; 0 where nothing moves."""
    prompt_tokens: Mapping[int, int]
    """Tokens to learn from of all the episodes of an episode's question."""


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
        critic: Critic | None = None,
    ) -> None:
        self._policy, self._reference, self._optimizer, self._critic = policy, reference, optimizer, critic
        self._spec, self._objective = spec, spec.objective
        self._episode_tokens = episode_tokens(agent)
        self._micro_batch_tokens = runtime["compute"]["micro_batch_tokens"]
        self.recorder: Recorder | None = None
        """Where a step's update is written down; None where it is not."""

    def update(self, trajectories: Sequence[Trajectory], step: int, steps: int) -> tuple[Tensor, dict[str, float]]:
        """Advantages (B, G) of this worker's episodes, and what happened, as named numbers.

        With a critic, an episode's advantage is the mean over its tokens.
        """
        size = self._spec.group_size
        several, priced = self._spec.updates_per_step > 1, self._objective.kl_coefficient > 0
        priced = priced and self._objective.kl_in != "loss"
        old = self._logps(self._policy.model, trajectories) if several or priced else None
        if self.recorder is not None and old is not None:
            self.recorder.note("old_logps", old)
        penalties = None if old is None or not priced else self._penalties(trajectories, old)
        advantages_BG, advantages_E, judged, said = self._judge(trajectories, penalties)
        rate = learning_rate(step, steps, self._spec)
        updates = _updates(len(trajectories) // size, self._spec.updates_per_step)
        sums: dict[str, float] = {}
        for number in range(self._spec.updates_per_step):
            chosen = _episodes([index for index, update in enumerate(updates) if update == number], size)
            warming = self._critic is not None and step < self._critic.spec.warmup_steps
            portion = self._portion(trajectories, advantages_E, [] if warming else chosen)
            parts = self._accumulate(trajectories, advantages_E, portion, old if several else None)
            norm = 0.0
            if portion.seen_tokens > 0:
                norm = apply_gradients(self._policy.model, self._optimizer, rate, self._spec.max_grad_norm)
            if self._critic is not None:
                parts |= self._critic.learn(trajectories, judged, chosen, step, steps)
            for key, value in {**parts, "grad_norm": norm}.items():
                sums[key] = sums.get(key, 0.0) + value / self._spec.updates_per_step
        return advantages_BG, {**sums, **said, "learning_rate": rate}

    def _judge(
        self, trajectories: Sequence[Trajectory], penalties: Sequence[Tensor] | None
    ) -> tuple[Tensor, list[Tensor], list[Judged], dict[str, float]]:
        """Advantages (B, G) of episodes and of what they are spread over, and what a critic says of the step."""
        if self._critic is None:
            advantages_BG = self._advantages(trajectories, penalties)
            return advantages_BG, self._spread(trajectories, advantages_BG, penalties), [], {}
        judged = self._critic.judge(trajectories, penalties)
        advantages_E, said = weigh(trajectories, judged, self._objective)
        means = [
            float(each_T.sum()) / max(1, item.generated_tokens)
            for each_T, item in zip(advantages_E, trajectories, strict=True)
        ]
        return torch.tensor(means).reshape(-1, self._spec.group_size), advantages_E, judged, said

    def facts(self, values: Mapping[str, float]) -> dict[str, Any]:
        """What the ledger says of a whole step, given the metrics that are logged for it."""
        return {
            "stage": values["stage"],
            "loss": values["loss"],
            "updates": [] if self.recorder is None else self.recorder.updates,
            "objective": self._objective.model_dump(mode="json"),
            "critic": None if self._spec.critic is None else self._spec.critic.model_dump(mode="json"),
            "max_tokens": self._episode_tokens,
            "group_size": self._spec.group_size,
            "temperature": self._spec.temperature,
            "top_p": self._spec.top_p,
        }

    def _penalties(self, trajectories: Sequence[Trajectory], old: Mapping[int, Tensor]) -> list[Tensor]:
        """What the KL takes from each of an episode's tokens, (T,) per episode."""
        reference = self._logps(self._reference, trajectories)
        if self.recorder is not None:
            self.recorder.note("ref_logps", reference)
        masks = [torch.tensor(item.mask) for item in trajectories]
        return [
            kl_penalty(old[index][None].cpu(), reference[index][None].cpu(), mask_T[None], self._objective)[0]
            for index, mask_T in enumerate(masks)
        ]

    def _advantages(self, trajectories: Sequence[Trajectory], penalties: Sequence[Tensor] | None) -> Tensor:
        """Advantages (B, G) of this worker's questions, with statistics over the questions of all workers."""
        size, objective = self._spec.group_size, self._objective
        rewards = [item.reward for item in trajectories]
        if penalties is not None and objective.kl_in == "reward":
            rewards = [reward - float(each_T.sum()) for reward, each_T in zip(rewards, penalties, strict=True)]
        mine = [
            (reward, counts(item, objective), item.generated_tokens if learns(item, objective) else 0)
            for reward, item in zip(rewards, trajectories, strict=True)
        ]
        everybody = gather([mine[start : start + size] for start in range(0, len(mine), size)])
        if not everybody:
            return torch.zeros(0, size)
        rewards_BG = torch.tensor([[reward for reward, _, _ in group] for group in everybody], dtype=torch.float32)
        valid_BG = torch.tensor([[valid for _, valid, _ in group] for group in everybody])
        tokens_BG = torch.tensor([[tokens for _, _, tokens in group] for group in everybody])
        return advantages(rewards_BG, objective, valid_BG, tokens_BG)[rank() :: world()]

    def _spread(
        self, trajectories: Sequence[Trajectory], advantages_BG: Tensor, penalties: Sequence[Tensor] | None
    ) -> list[Tensor]:
        """Advantages of each episode's tokens, (T,), or of the whole episode, ()."""
        flat_E = advantages_BG.flatten()
        if penalties is None or not per_token(self._objective):
            return list(flat_E)
        masks = [torch.tensor(item.mask) * learns(item, self._objective) for item in trajectories]
        padded_ET = token_advantages(
            flat_E,
            _padded(penalties),
            _padded(masks),
            self._objective,
            total,
        )
        return [row_T[: len(item.ids)] for row_T, item in zip(padded_ET, trajectories, strict=True)]

    def _portion(
        self, trajectories: Sequence[Trajectory], advantages_E: Sequence[Tensor], chosen: Sequence[int]
    ) -> _Portion:
        objective, size = self._objective, self._spec.group_size
        counted = [index for index in chosen if counts(trajectories[index], objective)]
        tokens = {index: trajectories[index].generated_tokens for index in counted}
        tokens = {index: count for index, count in tokens.items() if learns(trajectories[index], objective)}
        in_loss = objective.kl_coefficient > 0 and objective.kl_in == "loss"
        quiet = not in_loss and objective.entropy_coefficient == 0
        run = [index for index in tokens if not quiet or bool(advantages_E[index].any())]
        of_prompt: dict[int, int] = {}
        for index, count in tokens.items():
            of_prompt[index // size] = of_prompt.get(index // size, 0) + count
        return _Portion(
            run=run,
            tokens=total(sum(tokens.values())),
            sequences=total(len(counted)),
            prompts=total(len({index // size for index in counted})),
            seen_tokens=total(sum(tokens[index] for index in run)),
            prompt_tokens={index: of_prompt[index // size] for index in tokens},
        )

    def _accumulate(
        self,
        trajectories: Sequence[Trajectory],
        advantages_E: Sequence[Tensor],
        portion: _Portion,
        old: Mapping[int, Tensor] | None,
    ) -> dict[str, float]:
        """Gradients of one update; its loss and statistics over all workers."""
        sums, largest = dict.fromkeys(STATISTICS, 0.0), dict.fromkeys(MAXIMA, 0.0)
        run = [trajectories[index] for index in portion.run]
        for chunk in rounds(micro_batches(run, self._micro_batch_tokens), self._policy.model):
            if not chunk:
                self._idle()
                continue
            parts = self._loss(trajectories, [portion.run[i] for i in chunk], advantages_E, old, portion)
            parts.loss.backward()
            # One copy from the device: each would wait for all that is queued there.
            numbers = torch.stack([getattr(parts, name).detach().double() for name in (*STATISTICS, *MAXIMA)]).tolist()
            for name, value in zip((*STATISTICS, *MAXIMA), numbers, strict=True):
                if name in sums:
                    sums[name] += value
                else:
                    largest[name] = max(largest[name], value)
        sums = {name: total(value) for name, value in sums.items()}
        if self.recorder is not None:
            totals = {"tokens": portion.tokens, "sequences": portion.sequences, "prompts": portion.prompts}
            self.recorder.updates.append({"loss": sums["loss"], **totals})
        for name in PER_TOKEN:
            sums[name] *= portion.tokens / max(1.0, portion.seen_tokens)
        sums["effective_sample_size"] = effective_sample_size(sums["rollout_ratio"], sums.pop("rollout_ratio_square"))
        if self._reference is None:
            del sums["kl"]
        return {**sums, **{name: max(gather([value])) for name, value in largest.items()}}

    def _loss(
        self,
        trajectories: Sequence[Trajectory],
        indices: Sequence[int],
        advantages_E: Sequence[Tensor],
        old: Mapping[int, Tensor] | None,
        portion: _Portion,
    ) -> LossParts:
        """Loss of one micro-batch as its share of the update's."""
        batch = collate([trajectories[index] for index in indices], load.device())
        temperature = self._spec.temperature
        now = token_logps(self._policy.model, batch, temperature, entropy=self._objective.entropy_coefficient > 0)
        reference_BT = None
        if self._reference is not None:
            with torch.no_grad():
                reference_BT = token_logps(self._reference, batch, temperature).logps_BT
        old_BT = now.logps_BT.detach() if old is None else _stack([old[index] for index in indices], batch)
        chosen = [advantages_E[index] for index in indices]
        own = chosen[0].dim() > 0
        advantages = _stack(chosen, batch) if own else torch.stack(chosen).to(batch.mask_BT)
        if self.recorder is not None:
            bonus = self._objective.entropy_coefficient > 0
            self.recorder.keep(
                indices,
                [len(trajectories[index].ids) for index in indices],
                logps=None if old is None else now.logps_BT,
                old_logps=old_BT,
                ref_logps=reference_BT,
                entropies=now.entropy_BT if bonus else None,
                advantages=advantages if own else None,
            )
        return policy_loss(
            now.logps_BT,
            old_BT,
            reference_BT,
            now.entropy_BT,
            advantages,
            batch.mask_BT,
            self._objective,
            total_tokens=portion.tokens,
            total_sequences=portion.sequences,
            max_tokens=self._episode_tokens,
            rollout_logps_BT=_stack([torch.tensor(trajectories[index].logprobs) for index in indices], batch),
            prompt_tokens_B=torch.tensor([portion.prompt_tokens[index] for index in indices]).to(batch.mask_BT.device),
            total_prompts=portion.prompts,
        )

    def _logps(self, model: Any, trajectories: Sequence[Trajectory]) -> dict[int, Tensor]:
        """Log-probabilities under a model as it is before the first update, by episode."""
        old: dict[int, Tensor] = {}
        for chunk in rounds(micro_batches(trajectories, self._micro_batch_tokens), model):
            batch = collate([trajectories[index] for index in chunk], load.device())
            with torch.no_grad():
                logps_BT = token_logps(model, batch, self._spec.temperature).logps_BT
            old |= {index: logps_BT[row, : len(trajectories[index].ids)] for row, index in enumerate(chunk)}
        return old

    def _idle(self) -> None:
        """The passes of a micro-batch without episodes, made along with workers that have more of them."""
        batch = collate([], load.device())
        logps_BT = token_logps(self._policy.model, batch).logps_BT
        if self._reference is not None:
            with torch.no_grad():
                token_logps(self._reference, batch)
        logps_BT.sum().backward()


def _updates(questions: int, updates: int) -> list[int]:
    """The update that each of this worker's questions is part of: equal runs of the questions of all workers.

    Questions being dealt out in turn, the runs are the same for any number of workers, and so are their loads where the
    questions can be divided evenly.
    """
    everybody = int(total(questions))
    return [(index * world() + rank()) * updates // everybody for index in range(questions)]


def _episodes(questions: Sequence[int], group_size: int) -> list[int]:
    """Indices of the questions' episodes."""
    return [question * group_size + sample for question in questions for sample in range(group_size)]


def _padded(rows: Sequence[Tensor]) -> Tensor:
    """Rows (T,) as one right-padded tensor; a worker may have none of them."""
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True) if rows else torch.zeros(0, 1)


def _stack(rows: Sequence[Tensor], batch: Batch) -> Tensor:
    """Values per token as a right-padded tensor of the batch's shape."""
    out_BT = torch.zeros_like(batch.mask_BT)
    for index, row in enumerate(rows):
        out_BT[index, : len(row)] = row
    return out_BT
