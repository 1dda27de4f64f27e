"""Claims about what a step of RL was trained on, each held against the step's ledger.

    tokens       the prompt and every piece of glue are what the chat template and the agent's texts give, and every
                 turn's ids are those that the engine returned: nothing was decoded and encoded again on the way
    mask         1 exactly on the ids of the turns; log-probabilities are finite, and 0 wherever the mask is
    advantages   they are what the objective makes of the rewards, and sum to zero in every group where it says so
    loss         the loss that was logged is the objective of the stored log-probabilities
    engine       the engine's log-probabilities are the trainer's, within bounds
    weights      weights of before the step give the stored log-probabilities, and from them the loss, again

Pure, but for the model that ``weights`` is given. A claim that cannot be looked into is skipped, and says why: the
engine's log-probabilities are of another distribution than the trainer's where sampling was cut (top_p), and an episode
that was not run through the model has none of the trainer's.

Departures: losses are compared within the rounding of the trainer's 32-bit sums, advantages within theirs. The bounds
on the engine are those of NeMo-RL's token_mult_prob_error (mean of exp|difference|, alarming above 1.02) and one on a
single token.

Shapes: B episodes, G episodes per question, T positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from r1ci.agents import prompts
from r1ci.agents.trajectory import digest
from r1ci.models.chat import decode, encode, prompt_ids, user_turn_ids
from r1ci.spec.models import Objective
from r1ci.train.advantages import advantages, kl_penalty, per_token
from r1ci.train.ledger import TRAINER, Ledger, Row, trajectory
from r1ci.train.objectives import policy_loss
from r1ci.train.screening import counts, learns

EDGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Upper edges of the histogram of differences, in nats; the last bin has none."""
_CHUNK = 16
"""Episodes padded together when a loss is computed again."""


@dataclass(frozen=True)
class Fault:
    """One place where a claim does not hold."""

    episode: int | None
    """Row of the ledger; None where it is the whole step's."""
    where: str
    """Which question, sample, turn, token or group."""
    message: str


@dataclass(frozen=True)
class Verdict:
    """What became of one claim about one step."""

    claim: str
    checked: int
    """How many tokens, episodes, groups or updates were looked at."""
    faults: tuple[Fault, ...] = ()
    detail: str = ""
    """Numbers worth seeing whatever the outcome; why a claim was skipped."""
    skipped: bool = False
    histogram: tuple[int, ...] = ()
    """Tokens by difference; ``EDGES`` has the bins."""

    @property
    def outcome(self) -> str:
        """holds, FAILS or skipped."""
        return "FAILS" if self.faults else "skipped" if self.skipped else "holds"


@dataclass(frozen=True)
class Bounds:
    """How far the engine may be from the trainer."""

    mean: float
    """Alarm above this mean of exp|difference|."""
    most: float
    """Alarm where one token differs by more nats."""


def bounds(precision: str, engine: str) -> Bounds:
    """The bounds that fit a run: in 32 bits two computations of one number differ by rounding alone."""
    return Bounds(1.001, 0.01) if precision == "fp32" and engine == "hf" else Bounds(1.02, 1.0)


def _at(row: Row, place: str = "") -> str:
    return f"{row['question_id']} sample {row['sample']}{', ' if place else ''}{place}"


# ---------------------------------------------------------------- tokens


def tokens(ledger: Ledger, tokenizer: Any, questions: Mapping[str, str], agent: Any) -> Verdict:
    """The ids are the prompt's, the engine's and the glue's. ``questions`` are the texts by id."""
    faults: list[Fault] = []
    pieces, drifting = 0, 0
    glue = _Glue(tokenizer)
    for index, row in enumerate(ledger.rows):
        ids = tuple(row["ids"])
        text = questions.get(row["question_id"])
        if text is None:
            faults.append(Fault(index, _at(row), "the question is not one of the questions step"))
        elif prompt_ids(tokenizer, prompts.prompt(agent, text)) != ids[: row["prompt_tokens"]]:
            faults.append(Fault(index, _at(row, "prompt"), "its ids are not what the chat template gives"))
        faults += [Fault(index, _at(row, where), message) for where, message in _turn_faults(row, tokenizer, glue)]
        pieces += 1 + 2 * len(row["turns"])
        drifting += encode(tokenizer, decode(tokenizer, ids)) != ids
    detail = f"{drifting} of {len(ledger.rows)} episodes have ids that a decode and encode would change"
    return Verdict("tokens", pieces, tuple(faults), detail)


def _turn_faults(row: Row, tokenizer: Any, glue: _Glue) -> Iterator[tuple[str, str]]:
    ids, turns = tuple(row["ids"]), row["turns"]
    for number, turn in enumerate(turns, start=1):
        sampled = ids[turn["start"] : turn["end"]]
        if digest(sampled) != turn["digest"]:
            yield f"turn {number}, tokens {turn['start']}-{turn['end']}", "ids are not those that the engine returned"
        ended = sampled[-1:] == (tokenizer.eos_token_id,)
        if decode(tokenizer, sampled[:-1] if ended else sampled) != turn["text"]:
            yield f"turn {number}, tokens {turn['start']}-{turn['end']}", "ids do not decode to the turn's text"
        following = turns[number]["start"] if number < len(turns) else len(ids)
        between = ids[turn["end"] : following]
        if not between and number == len(turns):
            continue
        known = glue.after(turn, ended=ended)
        if between not in known:
            place = turn["end"] + _first_difference(between, known)
            yield f"after turn {number}, token {place}", "the glue is not what template and results give"


def _first_difference(found: tuple[int, ...], known: Sequence[tuple[int, ...]]) -> int:
    """How many ids agree with the known sequence that agrees longest."""

    def agreeing(other: tuple[int, ...]) -> int:
        pairs = zip(found, other, strict=False)
        return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(found), len(other)))

    return max(map(agreeing, known), default=0)


class _Glue:
    """What may stand between two turns."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._user_turn = cache(lambda text: user_turn_ids(tokenizer, text))

    def after(self, turn: Row, *, ended: bool) -> list[tuple[int, ...]]:
        """The ids of the texts that an agent can show after a turn (r1ci.agents.episode)."""
        if turn["status"] is None:
            closing = () if ended else (self._tokenizer.eos_token_id,)
            said = (prompts.STEER_TO_CODE, prompts.STEER_AWAY, prompts.STEER_CHECK)
            return [(*closing, *self._user_turn(text)) for text in said]
        shown = prompts.results(turn["observation"])
        texts = (shown, f"{shown}{prompts.LAST_CALL}\n")
        if ended:
            return [self._user_turn(text) for text in texts]
        start = "" if turn["text"].endswith("\n") else "\n"
        return [encode(self._tokenizer, start + text) for text in texts]


# ---------------------------------------------------------------- mask


def mask(ledger: Ledger) -> Verdict:
    """The mask is 1 on what was sampled and nowhere else; log-probabilities fit it."""
    faults = [
        Fault(index, _at(row, where), message)
        for index, row in enumerate(ledger.rows)
        for where, message in _mask_faults(row)
    ]
    return Verdict("mask", sum(len(row["ids"]) for row in ledger.rows), tuple(faults))


def _mask_faults(row: Row) -> Iterator[tuple[str, str]]:
    length = len(row["ids"])
    for name in ("mask", "engine_logps", *TRAINER):
        if row[name] is not None and len(row[name]) != length:
            yield name, f"{len(row[name])} values for {length} ids"
            return
    wanted, before = [0] * length, row["prompt_tokens"]
    for number, turn in enumerate(row["turns"], start=1):
        if not (before <= turn["start"] < turn["end"] <= length) or (number == 1 and turn["start"] != before):
            yield f"turn {number}", f"tokens {turn['start']}-{turn['end']} do not follow token {before} of {length}"
        wanted[turn["start"] : turn["end"]] = [1] * (turn["end"] - turn["start"])
        before = turn["end"]
    yield from _runs(row["mask"], wanted)
    for name in ("engine_logps", "logps", "old_logps", "ref_logps"):
        for place, value in enumerate(row[name] or ()):
            if not math.isfinite(value) or value > 0 or (value != 0 and not row["mask"][place]):
                yield f"token {place}", f"{name} is {value} where the mask is {row['mask'][place]}"


def _runs(found: Sequence[int], wanted: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Places where two masks differ, neighbours together."""
    start = None
    for place, differs in enumerate([*(a != b for a, b in zip(found, wanted, strict=True)), False]):
        if differs and start is None:
            start = place
        elif not differs and start is not None:
            where = f"token {start}" if place == start + 1 else f"tokens {start}-{place}"
            sampled = "a sampled token" if wanted[start] else "a token that was not sampled"
            yield where, f"mask {found[start]} on {sampled}"
            start = None


# ---------------------------------------------------------------- advantages


def group_advantages(ledger: Ledger) -> Verdict:
    """Advantages are recomputed from the rewards, and sum to zero where a baseline makes them."""
    faults = [
        Fault(index, _at(row), f"the reward is {row['reward']}, its terms add up to {total}")
        for index, row in enumerate(ledger.rows)
        if not math.isclose(total := sum(part["value"] for part in row["rewards"]), row["reward"], abs_tol=1e-9)
    ]
    if ledger.facts["critic"] is not None:
        return Verdict("advantages", 0, tuple(faults), "a critic's: not from the group", skipped=True)
    if not ledger.rows:
        return Verdict("advantages", 0, detail="no episode was trained on", skipped=True)
    objective, size = Objective.model_validate(ledger.facts["objective"]), int(ledger.facts["group_size"])
    stored_BG = torch.tensor([row["advantage"] for row in ledger.rows]).reshape(-1, size)
    again_BG, why = _advantages_again(ledger.rows, objective, size)
    if again_BG is not None:
        differ_BG = ~((stored_BG - again_BG).abs() <= 1e-5 * (1 + again_BG.abs()))
        for group, sample in differ_BG.nonzero().tolist():
            row, again = ledger.rows[group * size + sample], again_BG[group, sample]
            message = f"the advantage is {row['advantage']:.6g}, the rewards of its group give {again:.6g}"
            faults.append(Fault(group * size + sample, _at(row), message))
    if objective.baseline != "none" and (objective.scale != "whiten" or per_token(objective)):
        sums_B = stored_BG.double().sum(dim=1)
        for group in (~(sums_B.abs() <= 1e-5 * (1 + stored_BG.abs().sum(dim=1)))).nonzero()[:, 0].tolist():
            where = f"group of {ledger.rows[group * size]['question_id']}"
            faults.append(Fault(group * size, where, f"its advantages sum to {sums_B[group]:.6g}, not to 0"))
    return Verdict("advantages", len(stored_BG), tuple(faults), why)


def _advantages_again(rows: Sequence[Row], objective: Objective, size: int) -> tuple[Tensor | None, str]:
    """Advantages (B, G) from the rewards; None where the KL that they lack cannot be computed again, and why."""
    episodes = [trajectory(row) for row in rows]
    rewards = [row["reward"] for row in rows]
    if objective.kl_coefficient and objective.kl_in == "reward":
        if any(row["ref_logps"] is None or row["old_logps"] is None for row in rows):
            return None, "not recomputed: the KL in the reward is not written down for every episode"
        for index, row in enumerate(rows):
            old_ET, ref_ET, mask_ET = (_padded([row], name) for name in ("old_logps", "ref_logps", "mask"))
            rewards[index] -= float(kl_penalty(old_ET, ref_ET, mask_ET, objective).sum())
    learned = [item.generated_tokens if learns(item, objective) else 0 for item in episodes]
    return advantages(
        torch.tensor(rewards).reshape(-1, size),
        objective,
        torch.tensor([counts(item, objective) for item in episodes]).reshape(-1, size),
        torch.tensor(learned).reshape(-1, size),
    ), ""


# ---------------------------------------------------------------- loss


def loss(ledger: Ledger, logged: float | None, slack: float = 0.0) -> Verdict:
    """The loss of every update is computed again; their mean is the step's, which is what was logged.

    ``slack`` is how far the log-probabilities may be from those of the trainer, in nats.
    """
    updates, facts = ledger.facts["updates"], ledger.facts
    faults, worst = _count_faults(ledger), 0.0
    of_question = _question_tokens(ledger)
    for number, update in enumerate(updates):
        chosen = [index for index, row in enumerate(ledger.rows) if row["update"] == number]
        rows = [{**ledger.rows[index], "question_tokens": of_question[index]} for index in chosen]
        again, scale = _objective_of(rows, facts, update)
        worst = max(worst, abs(again - update["loss"]))
        if not _close(update["loss"], again, scale * (1 + 1e5 * slack)):
            faults.append(Fault(None, f"update {number}", f"it was {update['loss']:.8g}, the ledger gives {again:.8g}"))
    mean = sum(update["loss"] for update in updates) / max(1, len(updates))
    if not _close(facts["loss"], mean, abs(mean)):
        faults.append(Fault(None, "step", f"its loss is {facts['loss']:.8g}, the mean of its updates {mean:.8g}"))
    if logged is not None and not _close(facts["loss"], logged, abs(logged)):
        faults.append(Fault(None, "step", f"logged is {logged:.8g}, the ledger says {facts['loss']:.8g}"))
    return Verdict("loss", len(updates), tuple(faults), f"largest difference {worst:.2g}")


def _count_faults(ledger: Ledger) -> list[Fault]:
    """What the losses are divided by is what there is, and nothing that has a gradient was left out.

    While a critic warms up, the policy learns from nothing.
    """
    critic = ledger.facts["critic"]
    if critic is not None and ledger.facts["step"] < critic["warmup_steps"]:
        return []
    objective = Objective.model_validate(ledger.facts["objective"])
    episodes = [trajectory(row) for row in ledger.rows]
    learning = [learns(item, objective) for item in episodes]
    there = {
        "tokens": sum(item.generated_tokens for item, learned in zip(episodes, learning, strict=True) if learned),
        "sequences": sum(counts(item, objective) for item in episodes),
    }
    faults = []
    for name, count in there.items():
        said = sum(update[name] for update in ledger.facts["updates"])
        if said != count:
            faults.append(Fault(None, "step", f"losses are divided by {said:g} {name}, there are {count}"))
    for index, (row, learned) in enumerate(zip(ledger.rows, learning, strict=True)):
        if (row["update"] is not None) > learned or (row["update"] is None and learned and row["advantage"] != 0):
            said = "was in no update" if learned else "was in an update, and must not learn"
            faults.append(Fault(index, _at(row), f"the episode with advantage {row['advantage']:.6g} {said}"))
    return faults


def _question_tokens(ledger: Ledger) -> list[int]:
    """Per episode, the tokens to learn from of all the episodes of its group."""
    objective, size = Objective.model_validate(ledger.facts["objective"]), int(ledger.facts["group_size"])
    episodes = [trajectory(row) for row in ledger.rows]
    tokens = [item.generated_tokens if learns(item, objective) else 0 for item in episodes]
    return [sum(tokens[index // size * size : (index // size + 1) * size]) for index in range(len(tokens))]


def _close(found: float, expected: float, scale: float) -> bool:
    """Within the rounding of a 32-bit sum of terms of that size; nan is nan."""
    if math.isnan(found) or math.isnan(expected):
        return math.isnan(found) and math.isnan(expected)
    return abs(found - expected) <= 1e-7 + 1e-5 * scale


def _objective_of(rows: Sequence[Row], facts: Mapping[str, Any], update: Mapping[str, Any]) -> tuple[float, float]:
    """The loss of one update from its rows, and the size of what is summed up in it."""
    objective = Objective.model_validate(facts["objective"])
    sums = [0.0, 0.0]
    for start in range(0, len(rows), _CHUNK):
        some = rows[start : start + _CHUNK]
        old_BT = _padded(some, "old_logps")
        now_BT = _padded([{**row, "logps": row["logps"] or row["old_logps"]} for row in some], "logps")
        given = _optional(some, "advantages")
        if given is None:
            given = torch.tensor([row["advantage"] for row in some], dtype=torch.float64)
        for place, advantage in enumerate((given, given.abs())):
            parts = policy_loss(
                now_BT,
                old_BT,
                _optional(some, "ref_logps"),
                _optional(some, "entropies"),
                advantage,
                _padded(some, "mask"),
                objective,
                total_tokens=update["tokens"],
                total_sequences=update["sequences"],
                max_tokens=int(facts["max_tokens"]),
                rollout_logps_BT=_padded(some, "engine_logps"),
                prompt_tokens_B=torch.tensor([row["question_tokens"] for row in some]),
                total_prompts=update["prompts"],
            )
            sums[place] += float(parts.loss)
    return sums[0], abs(sums[1])


def _padded(rows: Sequence[Row], name: str) -> Tensor:
    """Values per token of some episodes as (B, T), 0 behind their ends."""
    longest = max(len(row["ids"]) for row in rows)
    return torch.tensor([[*row[name], *[0] * (longest - len(row[name]))] for row in rows], dtype=torch.float64)


def _optional(rows: Sequence[Row], name: str) -> Tensor | None:
    return None if any(row[name] is None for row in rows) else _padded(rows, name)


# ---------------------------------------------------------------- engine and weights


def engine(ledger: Ledger, allowed: Bounds) -> Verdict:
    """The engine's log-probabilities against the trainer's of the same weights."""
    logps = {index: row["old_logps"] for index, row in enumerate(ledger.rows) if row["old_logps"] is not None}
    return against_engine("engine", ledger, logps, allowed)


def against_engine(claim: str, ledger: Ledger, logps: Mapping[int, Sequence[float]], allowed: Bounds) -> Verdict:
    """Given log-probabilities, by row, against those of the engine where it had the weights of before the step."""
    if ledger.facts["top_p"] < 1:
        return Verdict(claim, 0, detail=f"top_p {ledger.facts['top_p']:g}: other distributions", skipped=True)
    same = {
        index: values for index, values in logps.items() if ledger.rows[index]["policy_version"] == ledger.facts["step"]
    }
    found = agreement(claim, ledger, same, allowed)
    if len(same) == len(logps):
        return found
    return replace(found, detail=f"{len(logps) - len(same)} episodes were sampled with other weights; {found.detail}")


def agreement(
    claim: str, ledger: Ledger, logps: Mapping[int, Sequence[float]], allowed: Bounds, against: str = "engine_logps"
) -> Verdict:
    """Differences between given log-probabilities, by row, and a column of the ledger on its sampled tokens."""
    faults, differences = [], []
    for index, values in logps.items():
        row = ledger.rows[index]
        for place, sampled in enumerate(row["mask"]):
            if sampled and row[against] is not None:
                difference = abs(values[place] - row[against][place])
                differences.append(difference)
                if not difference <= allowed.most:
                    message = f"{against} {row[against][place]:.6g}, the trainer's {values[place]:.6g}"
                    faults.append(Fault(index, _at(row, f"token {place}"), message))
    if not differences:
        return Verdict(claim, 0, detail="no episode has both log-probabilities", skipped=True)
    mean = sum(math.exp(min(difference, 700.0)) for difference in differences) / len(differences)
    if not mean <= allowed.mean:
        faults.append(Fault(None, "step", f"mean of exp|difference| {mean:.6g}, alarming above {allowed.mean:g}"))
    detail = f"mean exp|d| {mean:.8g}, largest |d| {max(differences):.2g}"
    counts = [0] * (len(EDGES) + 1)
    for difference in differences:
        counts[next((at for at, edge in enumerate(EDGES) if difference <= edge), len(EDGES))] += 1
    return Verdict(claim, len(differences), tuple(faults), detail, histogram=tuple(counts))
