"""An objective as text: its formulas with its values in them. Imports neither torch nor anything else that is slow."""

from __future__ import annotations

from r1ci.spec.models import Critic, Objective
from r1ci.train.advantages import per_token

LEGEND = "lp: policy; old: policy at generation time; ref: reference model; roll: engine (log-probabilities)"


def describe(objective: Objective, critic: Critic | None = None) -> str:
    """The whole objective in plain text, one line per part; parts that do nothing are left out."""
    lines = [
        *_reward_lines(objective, critic),
        *(_group_lines(objective) if critic is None else _critic_lines(objective, critic)),
        ("ratio", _RATIO[objective.ratio]),
        ("policy", _policy(objective, "A_t" if critic is not None or per_token(objective) else "A")),
    ]
    if objective.correction != "none":
        lines.append(("correction", f"L_t = w_t * L_t, w_t = {_weight(objective)}"))
    if objective.kl_coefficient and objective.kl_in == "loss":
        weighed = "r_t * " if objective.kl_unbiased else ""
        lines.append(
            ("kl", f"L_t = L_t + {objective.kl_coefficient:g} * {weighed}({_KL[objective.kl].format('lp_t')})")
        )
    entropy = objective.entropy_coefficient
    bonus = f" - {entropy:g} * mean entropy of the sampled tokens" if entropy else ""
    lines += [("loss", _TOTAL[objective.aggregate] + bonus), *_fates(objective)]
    return "\n".join([f"{name:<11}{text}" for name, text in lines] + [f"{'where':<11}{LEGEND}"])


_RATIO = {
    "token": "r_t = exp(lp_t - old_t)",
    "sequence": "r_t = exp(mean over the sampled tokens of the episode of lp - old)",
    "sequence_token": "r_t = exp(mean over the sampled tokens of the episode of lp - old), with the gradient of lp_t",
    "product": "r_t = exp(sum over the sampled tokens of the episode of lp - old)",
}

_KL = {
    "k1": "{0} - ref_t",
    "k2": "({0} - ref_t)^2 / 2",
    "k3": "exp(ref_t - {0}) - (ref_t - {0}) - 1",
}

_TOTAL = {
    "token_mean": "sum of L_t over all sampled tokens / number of sampled tokens",
    "sequence_mean": "mean over episodes of the mean of L_t over their sampled tokens",
    "sequence_sum": "mean over episodes of the sum of L_t over their sampled tokens",
    "prompt_mean": "mean over questions of the mean of L_t over the sampled tokens of their episodes",
    "constant": "sum of L_t over all sampled tokens / (episodes x token budget of an episode)",
}


def _reward_lines(o: Objective, critic: Critic | None) -> list[tuple[str, str]]:
    lines = []
    if o.overlong == "penalise" and o.overlong_penalty:
        rise = f", rising over the last {o.overlong_buffer:g} of the token budget" if o.overlong_buffer else ""
        lines.append(("reward", f"R = R - {o.overlong_penalty:g} if a token limit cut the episode{rise}"))
    if critic is not None:
        kl = (
            f" - {o.kl_coefficient:g} * ({_KL[o.kl].format('old_t')})" if o.kl_coefficient and o.kl_in != "loss" else ""
        )
        lines.append(("reward", f"R_t = (R at the last token, 0 before){kl}"))
    elif o.kl_coefficient and o.kl_in == "reward":
        lines.append(("reward", f"R = R - {o.kl_coefficient:g} * sum over the episode of {_KL[o.kl].format('old_t')}"))
    return lines


def _group_lines(o: Objective) -> list[tuple[str, str]]:
    return [("advantage", _advantage(o)), *_return_lines(o)]


def _critic_lines(o: Objective, critic: Critic) -> list[tuple[str, str]]:
    """PPO's: GAE over the values of a critic (r1ci.train.critic)."""
    decay = f"{critic.gamma * critic.lam:g} * " if critic.gamma * critic.lam != 1 else ""
    discount = f"{critic.gamma:g} * " if critic.gamma != 1 else ""
    lines = [
        ("value", "V_t: the critic's value before token t; V and A are 0 after the last"),
        ("advantage", f"A_t = R_t + {discount}V_(t+1) - V_t + {decay}A_(t+1)"),
    ]
    if o.scale != "none":
        lines.append(("", _whitened("_t", o)))
    kept = "" if critic.value_clip is None else f", or of V_t kept within {critic.value_clip:g} of old V_t if worse"
    return [*lines, ("critic", f"its loss: mean of (V_t - G_t)^2 / 2{kept}; G_t = A_t + V_t before both change")]


def _whitened(each: str, o: Objective) -> str:
    over = f"(mean and std over the sampled tokens of the batch, ddof={o.ddof})"
    return f"A{each} = (A{each} - mean(A{each})) / (std(A{each}) + {o.eps:g})   {over}"


def _advantage(o: Objective) -> str:
    baseline = {"mean": " - mean(R)", "leave_one_out": " - mean(R of the others)", "none": ""}[o.baseline]
    if o.scale in ("group", "batch"):
        return f"A = (R{baseline}) / (std(R of the {o.scale}, ddof={o.ddof}) + {o.eps:g})"
    return f"A = R{baseline}"


def _return_lines(o: Objective) -> list[tuple[str, str]]:
    lines, each = [], ""
    if per_token(o):
        each = "_t"
        lines.append(("", f"A_t = A - {o.kl_coefficient:g} * sum from t on of {_KL[o.kl].format('old_t')}"))
    if o.scale == "whiten":
        lines.append(("", _whitened(each, o)))
    return lines


def _policy(o: Objective, advantage: str) -> str:
    low = "" if o.clip_low is None else f"{1 - o.clip_low:g}"
    high = "" if o.clip_high is None else f"{1 + o.clip_high:g}"
    if not low and not high:
        clipped = "r_t"
    elif low and high:
        clipped = f"clip(r_t, {low}, {high})"
    else:
        clipped = f"max(r_t, {low})" if low else f"min(r_t, {high})"
    if o.clip == "cispo":
        return f"L_t = -{clipped} {advantage} lp_t, no gradient through r_t"
    dual = "" if o.clip_dual is None else f"; where {advantage} < 0, min(r_t, {o.clip_dual:g}) for the first r_t"
    plain = f"r_t {advantage}"
    return f"L_t = -min({plain}, {clipped} {advantage}){dual}" if low or high else f"L_t = -{plain}{dual}"


def _weight(o: Objective) -> str:
    level, _, how = o.correction.partition("_")
    raw = {
        "token": "exp(old_t - roll_t)",
        "sequence": "exp(sum over the episode of old - roll)",
        "geometric": "exp(mean over the episode of old - roll)",
    }[level]
    if how == "truncate":
        cap = f"{o.correction_cap:g}"
        return f"clip({raw}, {o.correction_low:g}, {cap})" if o.correction_low else f"min({raw}, {cap})"
    within = f"{o.correction_low:g} <= {raw} <= {o.correction_cap:g}"
    return f"1 where {within}, else 0" if level == "geometric" else f"{raw} where {within}, else 0"


def _fates(o: Objective) -> list[tuple[str, str]]:
    what = {
        "mask": "no gradient; their rewards count in the group",
        "drop": "left out, as if they had not been sampled",
    }
    lines = []
    if o.overlong in what:
        lines.append(("cut", f"episodes that a token limit cut: {what[o.overlong]}"))
    if o.void in what:
        lines.append(("void", f"episodes with a void turn: {what[o.void]}"))
    return lines
