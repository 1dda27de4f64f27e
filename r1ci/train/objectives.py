"""The policy-gradient loss of RL, every choice of it a named field of the spec's Objective.

Per sampled token t of episode i, with lp the policy's log-probability, old the trainer's at generation time, roll the
engine's, ref the reference model's, A_i the advantage:

    ratio      token:     r_t = exp(lp_t - old_t)                          (PPO, arXiv 1707.06347)
               sequence:  r_t = exp(mean over the episode of lp - old)     (GSPO, arXiv 2507.18071)
    policy     L_t = -min(r_t A_i, clip(r_t, 1 - clip_low, 1 + clip_high) A_i)   (asymmetric: DAPO, arXiv 2503.14476)
    correction token_truncate: L_t = L_t * min(exp(old_t - roll_t), cap), no gradient   (truncated importance sampling)
    KL         k1: lp - ref;  k2: (lp - ref)^2 / 2;  k3: exp(ref - lp) - (ref - lp) - 1   (Schulman, "Approximating KL")
               L_t = L_t + kl_coefficient * KL_t
    aggregate  token_mean:    sum of L_t over all tokens / tokens of the global batch            (DAPO)
               sequence_mean: sum over episodes of their mean L_t / episodes of the global batch (GRPO, 2402.03300)
               constant:      sum of L_t over all tokens / (episodes x max_tokens)               (Dr.GRPO, 2503.20783)
    entropy    loss = loss - entropy_coefficient * sum of the token entropies / tokens of the global batch

Departures from the papers:

- every token that the policy did not sample (prompt, execution results, padding) is outside every sum and count;
- GRPO's KL has no importance weight, and the correction does not weigh it: its gradient is that of the estimator alone;
  k1 used in a loss has a gradient that does not depend on the reference, so it regularises only in the sense of
  pulling sampled tokens down: use k2 or k3 for that;
- Dr.GRPO divides by the token budget of an episode (max_tokens), not by the padded length of the batch;
- DAPO is its clip and its token mean: no dynamic sampling, no overlong penalty (kl_coefficient is 0 in the preset);
- GSPO keeps the aggregate that the spec names (its paper: sequence_mean) and needs a far smaller clip (3e-4, 4e-4);
- the log-ratio is not clamped and there is no dual clip.

An episode without a sampled token adds nothing to the sums but is one of the episodes counted. The presets grpo-r1ci,
dr_grpo and dapo are held against TRL's own loss, value and gradient, in tests/train/test_objectives.py.

Shapes: B sequences, T tokens; B1 is (B, 1). torch is imported for types only, so that showing an objective stays light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r1ci.spec.models import Objective

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LossParts:
    """The loss of a micro-batch and what is worth logging of it; all but ``loss`` without gradient.

    Every figure but the maxima is this micro-batch's share of a mean over the global batch: add them up over the
    micro-batches (and workers). Maxima are combined by max.
    """

    loss: Tensor
    """Add over the micro-batches; multiply by the number of workers where gradients are averaged over them."""
    policy_loss: Tensor
    """The part of the loss that is neither KL nor entropy."""
    kl: Tensor
    """KL to the reference per token; 0 without a reference."""
    entropy: Tensor
    """Entropy per token; 0 where none was given."""
    clip_fraction: Tensor
    """Share of tokens whose gradient the clip stops."""
    ratio: Tensor
    """Ratio per token."""
    ratio_max: Tensor
    """Largest ratio."""
    mismatch: Tensor
    """exp(|old - roll|) per token: 1 where engine and trainer agree, alarming above 1.02; 0 without rollout logps."""
    mismatch_max: Tensor
    """Largest of these."""
    kept_fraction: Tensor
    """Share of tokens whose correction weight is not truncated (counted too where nothing is corrected); 0 without
    rollout logps."""


@dataclass(frozen=True)
class _Over:
    """What the sums of a micro-batch run over, and what they are divided by."""

    mask_BT: Tensor
    objective: Objective
    total_tokens: int
    total_sequences: int
    max_tokens: int

    def masked(self, values_BT: Tensor) -> Tensor:
        """The values at mask 1 and 0 elsewhere, of the mask's shape."""
        return values_BT.expand(self.mask_BT.shape).masked_fill(~self.mask_BT, 0.0)

    def token_share(self, values_BT: Tensor) -> Tensor:
        """Share of a mean over the tokens of the global batch."""
        return self.masked(values_BT).sum() / max(self.total_tokens, 1)

    def total(self, values_BT: Tensor) -> Tensor:
        """Share of the objective's aggregate over the global batch."""
        sum_B = self.masked(values_BT).sum(dim=1)
        if self.objective.aggregate == "token_mean":
            return sum_B.sum() / max(self.total_tokens, 1)
        if self.objective.aggregate == "sequence_mean":
            return (sum_B / self.mask_BT.sum(dim=1).clamp(min=1)).sum() / max(self.total_sequences, 1)
        return sum_B.sum() / (max(self.total_sequences, 1) * self.max_tokens)


def policy_loss(
    logps_BT: Tensor,
    old_logps_BT: Tensor,
    ref_logps_BT: Tensor | None,
    entropy_BT: Tensor | None,
    advantages_B: Tensor,
    mask_BT: Tensor,
    objective: Objective,
    *,
    total_tokens: int,
    total_sequences: int,
    max_tokens: int,
    rollout_logps_BT: Tensor | None = None,
) -> LossParts:
    """Loss of one micro-batch, normalised by the counts of the whole global batch.

    ``total_tokens`` and ``total_sequences`` count the sampled tokens and the episodes of all micro-batches on all
    workers, so that the parts add up to exactly the loss of the global batch however it is split. ``max_tokens`` is the
    token budget of an episode. Values at mask 0 are never looked at.

    Raises ValueError if the objective needs log-probabilities or entropies that are not given.
    """
    _require(objective, ref_logps_BT, entropy_BT, rollout_logps_BT)
    over = _Over(mask_BT.bool(), objective, total_tokens, total_sequences, max_tokens)
    ratio_BT = _ratio(over.masked(logps_BT - old_logps_BT), over.mask_BT, objective)
    advantage_B1 = advantages_B[:, None]
    clipped_BT = ratio_BT.clamp(1 - objective.clip_low, 1 + objective.clip_high)
    policy_BT = -(ratio_BT * advantage_B1).minimum(clipped_BT * advantage_B1)
    log_weight_BT = None
    if rollout_logps_BT is not None:
        log_weight_BT = over.masked((old_logps_BT - rollout_logps_BT).detach()).nan_to_num(nan=0.0)
    if objective.correction == "token_truncate" and log_weight_BT is not None:
        policy_BT = policy_BT * log_weight_BT.exp().clamp(max=objective.correction_cap)
    kl_BT = logps_BT.new_zeros(())
    if ref_logps_BT is not None:
        kl_BT = _kl(over.masked(ref_logps_BT - logps_BT), objective)
    policy = over.total(policy_BT)
    loss = policy
    if objective.kl_coefficient:
        loss = loss + objective.kl_coefficient * over.total(kl_BT)
    entropy = logps_BT.new_zeros(()) if entropy_BT is None else over.token_share(entropy_BT)
    if objective.entropy_coefficient:
        loss = loss - objective.entropy_coefficient * entropy
    return LossParts(
        loss=loss,
        policy_loss=policy.detach(),
        kl=over.token_share(kl_BT).detach(),
        entropy=entropy.detach(),
        **_ratio_statistics(over, ratio_BT.detach(), advantage_B1),
        **_mismatch_statistics(over, log_weight_BT),
    )


def _require(objective: Objective, ref: Tensor | None, entropy: Tensor | None, rollout: Tensor | None) -> None:
    needs = (
        ("kl_coefficient", objective.kl_coefficient > 0, "ref_logps_BT", ref),
        ("entropy_coefficient", objective.entropy_coefficient > 0, "entropy_BT", entropy),
        ("correction", objective.correction != "none", "rollout_logps_BT", rollout),
    )
    for field, used, name, value in needs:
        if used and value is None:
            raise ValueError(f"objective.{field} = {getattr(objective, field)} needs {name}")


def _ratio(log_ratio_BT: Tensor, mask_BT: Tensor, objective: Objective) -> Tensor:
    """Importance ratio: (B, T), or (B, 1) at the level of the sequence."""
    if objective.ratio == "token":
        return log_ratio_BT.exp()
    return (log_ratio_BT.sum(dim=1, keepdim=True) / mask_BT.sum(dim=1, keepdim=True).clamp(min=1)).exp()


def _kl(towards_BT: Tensor, objective: Objective) -> Tensor:
    """The estimator, given ref - lp."""
    if objective.kl == "k1":
        return -towards_BT
    if objective.kl == "k2":
        return towards_BT.square() / 2
    return towards_BT.exp() - towards_BT - 1


def _ratio_statistics(over: _Over, ratio_BT: Tensor, advantage_B1: Tensor) -> dict[str, Tensor]:
    low, high = 1 - over.objective.clip_low, 1 + over.objective.clip_high
    ratio_BT = over.masked(ratio_BT)
    clipped_BT = ((ratio_BT < low) & (advantage_B1 < 0)) | ((ratio_BT > high) & (advantage_B1 > 0))
    return {
        "clip_fraction": over.token_share(clipped_BT.to(ratio_BT.dtype)),
        "ratio": over.token_share(ratio_BT),
        "ratio_max": ratio_BT.max(),
    }


def _mismatch_statistics(over: _Over, log_weight_BT: Tensor | None) -> dict[str, Tensor]:
    if log_weight_BT is None:
        none = over.mask_BT.new_zeros(()).float()
        return {"mismatch": none, "mismatch_max": none, "kept_fraction": none}
    mismatch_BT = over.masked(log_weight_BT.abs().exp())
    kept_BT = log_weight_BT.exp() <= over.objective.correction_cap
    return {
        "mismatch": over.token_share(mismatch_BT),
        "mismatch_max": mismatch_BT.max(),
        "kept_fraction": over.token_share(kept_BT.to(log_weight_BT.dtype)),
    }


def describe(objective: Objective) -> str:
    """The loss in plain text, with this objective's values in it."""
    o = objective
    baseline = {"mean": " - mean(R)", "leave_one_out": " - mean(R of the others)", "none": ""}[o.baseline]
    deviation = f"std(R of the {o.scale}, ddof={o.ddof}) + {o.eps:g}"
    lines = [
        ("advantage", f"A = R{baseline}" if o.scale == "none" else f"A = (R{baseline}) / ({deviation})"),
        (
            "ratio",
            "r_t = exp(lp_t - old_t)"
            if o.ratio == "token"
            else "r_t = exp(mean over the sampled tokens of the episode of lp - old)",
        ),
        ("policy", f"L_t = -min(r_t A, clip(r_t, {1 - o.clip_low:g}, {1 + o.clip_high:g}) A)"),
    ]
    if o.correction == "token_truncate":
        lines.append(("correction", f"L_t = L_t * min(exp(old_t - roll_t), {o.correction_cap:g})"))
    if o.kl_coefficient:
        estimator = {
            "k1": "lp_t - ref_t",
            "k2": "(lp_t - ref_t)^2 / 2",
            "k3": "exp(ref_t - lp_t) - (ref_t - lp_t) - 1",
        }[o.kl]
        lines.append(("kl", f"L_t = L_t + {o.kl_coefficient:g} * ({estimator})"))
    total = {
        "token_mean": "sum of L_t over all sampled tokens / number of sampled tokens",
        "sequence_mean": "mean over episodes of the mean of L_t over their sampled tokens",
        "constant": "sum of L_t over all sampled tokens / (episodes x token budget of an episode)",
    }[o.aggregate]
    bonus = f" - {o.entropy_coefficient:g} * mean entropy of the sampled tokens" if o.entropy_coefficient else ""
    lines.append(("loss", total + bonus))
    legend = "lp: policy; old: policy at generation time; ref: reference model; roll: engine (log-probabilities)"
    return "\n".join([f"{name:<11}{text}" for name, text in lines] + [f"{'where':<11}{legend}"])
