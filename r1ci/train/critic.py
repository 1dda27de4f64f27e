"""PPO's critic: a value head, advantages per token from its values, and the loss it learns by.

Of an episode only the tokens that the policy sampled exist here, t = 1..n, over all its turns: prompt, execution
results and glue are stepped over, so the value of the last token of a turn is bootstrapped from the first sampled token
of the next turn, and gamma and lambda decay per sampled token. V_t is the value before token t is sampled:

    rewards    r_n = the episode's reward, r_t = 0 before
    GAE        d_t = r_t + gamma V_{t+1} - V_t,  A_t = d_t + gamma lam A_{t+1},  V_{n+1} = A_{n+1} = 0
               (arXiv 1506.02438, equation 16)
    returns    R_t = A_t + V_t
    loss       mean over the sampled tokens of max((V - R)^2, (clip(V, V_old - c, V_old + c) - R)^2) / 2
               (verl's compute_value_loss, TRL's PPO; c: rl.critic.value_clip)
    whitening  A = (A - mean) / (std + eps) over all tokens of the step to learn from (objective.scale whiten)
    KL         with objective.kl_in reward or return, r_t loses kl_coefficient times the KL estimate of token t

Departures from PPO (arXiv 1707.06347) as it is run on language models:

- the preset ppo has the KL to the reference in the loss and not in the rewards;
- an episode that its budget ended is over: nothing is bootstrapped behind its last token;
- the head begins at zero instead of at random, so that the first advantages are the rewards themselves;
- an episode that could not be scored, or that the objective drops or masks, teaches the critic nothing.

Shapes: B sequences, T positions, N sampled tokens, E hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from r1ci.agents.trajectory import Trajectory
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.spec.models import Critic as CriticSpec
from r1ci.spec.models import Objective, Rl
from r1ci.train.advantages import whiten
from r1ci.train.batching import Batch, collate, micro_batches
from r1ci.train.logprobs import call
from r1ci.train.optimizer import BETAS, TrainOptimizer, apply_gradients, learning_rate
from r1ci.train.packing import states_before
from r1ci.train.screening import learns
from r1ci.train.sharding import total
from r1ci.train.weights import prepare


class Judged(NamedTuple):
    """What the critic says of one episode's tokens, prompt included; 0 where the policy did not sample."""

    advantages_T: Tensor
    returns_T: Tensor
    values_T: Tensor


class ValueLoss(NamedTuple):
    """A micro-batch's share of the value loss of an update, and of the mean of what is worth logging."""

    loss: Tensor
    clip_fraction: Tensor
    """Share of tokens whose gradient the clip stops."""


def gae(rewards_BT: Tensor, values_BT: Tensor, mask_BT: Tensor, *, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Advantages and returns (B, T) of the tokens at mask 1 and 0 elsewhere, in float32; summed in float64.

    What stands at mask 0 is never looked at, and neither decays nor ends anything (verl's
    ``compute_gae_advantage_return`` steps over observations in the same way).
    """
    rewards_BT, values_BT = rewards_BT.double(), values_BT.double()
    advantages_BT = torch.zeros_like(values_BT)
    after_B, following_B = values_BT.new_zeros(len(values_BT)), values_BT.new_zeros(len(values_BT))
    for t in range(values_BT.shape[1] - 1, -1, -1):
        sampled_B = mask_BT[:, t] > 0
        delta_B = rewards_BT[:, t] + gamma * following_B - values_BT[:, t]
        after_B = torch.where(sampled_B, delta_B + gamma * lam * after_B, after_B)
        following_B = torch.where(sampled_B, values_BT[:, t], following_B)
        advantages_BT[:, t] = torch.where(sampled_B, after_B, 0.0)
    returns_BT = (advantages_BT + values_BT).masked_fill(mask_BT <= 0, 0.0)
    return advantages_BT.float(), returns_BT.float()


def value_loss(
    values_BT: Tensor, old_BT: Tensor, returns_BT: Tensor, mask_BT: Tensor, *, clip: float | None, total_tokens: float
) -> ValueLoss:
    """Half the squared error of the values, the clipped one where it is worse, over the tokens of the whole update."""
    sampled_BT = mask_BT > 0
    error_BT = (values_BT - returns_BT).masked_fill(~sampled_BT, 0.0).square()
    worse_BT = error_BT
    if clip is not None:
        clipped_BT = old_BT + (values_BT - old_BT).clamp(-clip, clip)
        worse_BT = error_BT.maximum((clipped_BT - returns_BT).masked_fill(~sampled_BT, 0.0).square())
    count = max(1.0, total_tokens)
    return ValueLoss(worse_BT.sum() / 2 / count, (worse_BT > error_BT).sum().detach() / count)


def weigh(
    trajectories: Sequence[Trajectory], judged: Sequence[Judged], objective: Objective
) -> tuple[list[Tensor], dict[str, float]]:
    """Advantages to train on, per token of each episode, 0 on what is not learned from; statistics of all workers."""
    weights = [learned(item, objective) for item in trajectories]
    every, weight = _joined([item.advantages_T for item in judged]).double(), _joined(weights).double()
    if objective.scale != "none":
        every = whiten(every, weight, objective, total)
    parts = (every * weight).float().split([len(item.ids) for item in trajectories])
    values, returns = (_joined([getattr(item, name) for item in judged]).double() for name in ("values_T", "returns_T"))
    said = {
        "explained_variance": explained_variance(values, returns, weight),
        "value": _moments(values, weight)[0],
        "return": _moments(returns, weight)[0],
    }
    return list(parts), said


def explained_variance(values_N: Tensor, returns_N: Tensor, weight_N: Tensor) -> float:
    """1 - var(returns - values) / var(returns) over the tokens at weight 1, on all workers.

    1: the values say every return beforehand; 0: no better than their mean; 0 too where the returns do not differ.
    """
    unexplained = _moments(returns_N.double() - values_N.double(), weight_N)[1]
    there = _moments(returns_N.double(), weight_N)[1]
    return 0.0 if there == 0 else 1 - unexplained / there


def _moments(values_N: Tensor, weight_N: Tensor) -> tuple[float, float]:
    """Mean and (ddof 0) variance of the values at weight 1, over all workers."""
    count = max(1.0, total(float(weight_N.sum())))
    mean = total(float((values_N * weight_N).sum())) / count
    return mean, total(float(((values_N - mean).square() * weight_N).sum())) / count


def _joined(rows: Sequence[Tensor]) -> Tensor:
    """The values of all episodes in a row; a worker may have none."""
    return torch.cat([*rows, torch.zeros(0)])


class ValueModel(torch.nn.Module):
    """A transformers model without its output layer, and a linear head on its hidden states."""

    def __init__(self, base_model: Any) -> None:
        super().__init__()
        self.base_model = base_model
        self.head = torch.nn.Linear(base_model.config.hidden_size, 1, device=base_model.device)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.head.weight.device

    def forward(self, batch: Batch) -> Tensor:
        """The value before each token at mask 1 is sampled, (B, T); 0 elsewhere."""
        wanted_BT = batch.mask_BT[:, 1:] > 0
        hidden_NE, head = states_before(self.base_model, batch), self.head
        with torch.autocast(hidden_NE.device.type, enabled=False):
            value_N = torch.nn.functional.linear(hidden_NE.float(), head.weight.float(), head.bias.float())[:, 0]
        values_BT = value_N.new_zeros(wanted_BT.shape).masked_scatter(wanted_BT, value_N)
        return torch.nn.functional.pad(values_BT, (1, 0))


class Critic:
    """The value model with its optimizer: ``judge`` a step's episodes once, then ``learn`` from each portion.

    ``policy`` is a model of its own, whose trunk becomes the critic's. It computes in the precision of the policy, but
    is whole on every worker even where the policy is sharded, and learns whole even where that learns adapters alone.
    """

    def __init__(self, policy: Policy, spec: Rl, critic: CriticSpec, compute: Mapping[str, Any]) -> None:
        self.spec, self._objective = critic, spec.objective
        whole = {**compute, "sharding": "none", "offload": False}
        self.model: Any = prepare(Policy(ValueModel(policy.model.base_model), policy.tokenizer), whole).model
        self._rates = spec.model_copy(update={"learning_rate": critic.learning_rate})
        self._optimizer = TrainOptimizer(
            torch.optim.AdamW(self.model.parameters(), lr=critic.learning_rate, betas=BETAS, weight_decay=0.0)
        )
        self._micro_batch_tokens = compute["micro_batch_tokens"]

    def judge(self, trajectories: Sequence[Trajectory], penalties: Sequence[Tensor] | None = None) -> list[Judged]:
        """Values as they are now, and the advantages and returns they give, of every episode.

        ``penalties`` are what the KL takes from each token's reward (``advantages.kl_penalty``), (T,) per episode.
        """
        judged: dict[int, Judged] = {}
        for chunk, batch in self._batches(trajectories, range(len(trajectories))):
            with torch.no_grad():
                values_BT = call(self.model, ValueModel.forward, batch).cpu()
            mask_BT = batch.mask_BT.cpu()
            rewards_BT = torch.zeros_like(values_BT)
            for row, index in enumerate(chunk):
                if penalties is not None:
                    rewards_BT[row, : len(penalties[index])] -= penalties[index]
                sampled = mask_BT[row].nonzero()
                if len(sampled) and trajectories[index].scored:
                    rewards_BT[row, int(sampled[-1])] += trajectories[index].reward
            both = gae(rewards_BT, values_BT, mask_BT, gamma=self.spec.gamma, lam=self.spec.lam)
            for row, index in enumerate(chunk):
                length = len(trajectories[index].ids)
                judged[index] = Judged(*(each_BT[row, :length] for each_BT in (*both, values_BT)))
        return [judged[index] for index in range(len(trajectories))]

    def learn(
        self, trajectories: Sequence[Trajectory], judged: Sequence[Judged], chosen: Sequence[int], step: int, steps: int
    ) -> dict[str, float]:
        """One update on the episodes of ``chosen`` that are learned from; the statistics are those of all workers."""
        used = [index for index in chosen if learns(trajectories[index], self._objective)]
        tokens = total(sum(trajectories[index].generated_tokens for index in used))
        loss, stopped = 0.0, 0.0
        for chunk, batch in self._batches(trajectories, used):
            values_BT = call(self.model, ValueModel.forward, batch)
            old_BT, returns_BT = (
                torch.nn.utils.rnn.pad_sequence([getattr(judged[index], name) for index in chunk], batch_first=True)
                for name in ("values_T", "returns_T")
            )
            part = value_loss(
                values_BT,
                old_BT.to(values_BT.device),
                returns_BT.to(values_BT.device),
                batch.mask_BT,
                clip=self.spec.value_clip,
                total_tokens=tokens,
            )
            part.loss.backward()
            loss, stopped = loss + float(part.loss.detach()), stopped + float(part.clip_fraction)
        norm = 0.0
        if tokens:
            rate = learning_rate(step, steps, self._rates)
            norm = apply_gradients(self.model, self._optimizer, rate, self.spec.max_grad_norm)
        return {"value_loss": total(loss), "value_clip_fraction": total(stopped), "critic_grad_norm": norm}

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs."""
        return {"model": self.model.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])

    def _batches(self, trajectories: Sequence[Trajectory], indices: Sequence[int]) -> list[tuple[list[int], Batch]]:
        used = [trajectories[index] for index in indices]
        chunks = [[indices[i] for i in chunk] for chunk in micro_batches(used, self._micro_batch_tokens)]
        return [(chunk, collate([trajectories[index] for index in chunk], load.device())) for chunk in chunks]


def learned(trajectory: Trajectory, objective: Objective) -> Tensor:
    """1.0 on the tokens that are learned from: those sampled, in an episode that counts and is not masked."""
    mask_T = torch.tensor(trajectory.mask, dtype=torch.float32)
    mask_T[:1] = 0
    return mask_T * float(learns(trajectory, objective))
