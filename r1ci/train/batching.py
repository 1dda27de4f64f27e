"""From token ids to the tensors of one pass, each of which reads a prompt once for all the episodes that begin with it.

A pass has no padding: its tokens stand in one line, those of a prompt once, and every token knows its position in its
own sequence. Only attention looks at sequences as rows, the prompt again in each of them (r1ci.train.packing).

Shapes: B sequences, T positions of the longest, N tokens of a pass; b sequences of a band, t positions of its longest,
q of them asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

PASS_TOKENS = 128
"""What a forward and backward pass costs beside its tokens, in tokens: starting kernels, gathering weights. A call of
attention counts as so many queries."""

ATTENTION_SHARE = 4
"""A position of attention costs a quarter of a token's pass: between a tenth (memory; time of wide models) and a third
(time of a model 256 wide at 500 positions)."""

APART = {"cpu": 0.75, "cuda": 0.25}
"""What follows a shared prompt is asked apart from it where it is at most this share of its sequence. That takes a
mask, with which attention no longer skips the keys behind a query: measured on CPUs, for GPUs an estimate."""


class Sample(Protocol):
    """A sequence to read: a trajectory, or a demonstration."""

    @property
    def ids(self) -> Sequence[int]:
        """Token ids."""

    @property
    def mask(self) -> Sequence[int]:
        """1 on the tokens whose log-probability counts; the first token of a sequence never does."""

    @property
    def prompt_tokens(self) -> int:
        """How many of the first tokens are read once for all samples in which they are the same."""


class Band(NamedTuple):
    """Right-padded rows of similar length that one call of attention works on; padding is token 0.

    Queries are the last tokens of their sequences, the same number of tokens left out in each.
    """

    queries: Tensor
    """Where in the line the asking tokens stand, (b, q)."""
    keys: Tensor
    """Where the tokens of their sequences stand, (b, t)."""


class Bands(NamedTuple):
    """How attention sees the tokens of a pass."""

    bands: tuple[Band, ...]
    back_N: Tensor
    """Which query of all bands, counted through, is the token's own."""


class Batch(NamedTuple):
    """The tokens of one pass."""

    ids_N: Tensor
    positions_N: Tensor
    """Position of each token in its own sequence."""
    rows_BT: Tensor
    """Where in the line the tokens of each sequence stand; right-padded with 0."""
    mask_BT: Tensor
    """1.0 on the tokens whose log-probability counts."""
    bands: Bands


def collate(samples: Sequence[Sample], device: str = "cpu") -> Batch:
    """The tensors of a pass over the samples.

    Of no sample at all, two tokens: a pass that a worker with nothing left makes along with the others.
    """
    ids: list[int] = []
    positions: list[int] = []
    rows: list[list[int]] = []
    known: dict[tuple[int, ...], list[int]] = {}
    prompts = [_prompt(sample) for sample in samples]
    for sample, prompt in zip(samples, prompts, strict=True):
        shared = known.get(prompt, [])
        row = [*shared, *range(len(ids), len(ids) + len(sample.ids) - len(shared))]
        ids.extend(sample.ids[len(shared) :])
        positions.extend(range(len(shared), len(row)))
        known.setdefault(prompt, row[: len(prompt)])
        rows.append(row)
    if not rows:
        ids, positions, rows, prompts = [0, 0], [0, 1], [[0, 1]], [()]
    often = Counter(prompts)
    bands = _bands(rows, [len(prompt) if often[prompt] > 1 else 0 for prompt in prompts], len(ids), device)
    rows_BT = _padded(rows)
    mask_BT = _padded([sample.mask for sample in samples] or [[0, 0]]).float()
    mask_BT[:, 0] = 0
    ids_N, positions_N = (torch.tensor(values).to(device) for values in (ids, positions))
    return Batch(ids_N, positions_N, rows_BT.to(device), mask_BT.to(device), bands)


def _prompt(sample: Sample) -> tuple[int, ...]:
    return tuple(sample.ids[: sample.prompt_tokens])


def _padded(rows: Sequence[Sequence[int]]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


def _bands(rows: Sequence[list[int]], shared: Sequence[int], tokens: int, device: str) -> Bands:
    """Rows of similar length together: the cut with the fewest queries, where a band more counts as PASS_TOKENS.

    ``shared``: how many first tokens of a row are those of other rows too.
    """
    asked = sorted(_asked(rows, shared, device), key=lambda each: (each[0], -len(each[1]), each[1]))

    def ending(end: int) -> Iterator[tuple[int, int]]:
        for start in range(end - 1, -1, -1):
            first, row = asked[start]
            if first != asked[end - 1][0]:
                return
            yield (end - start) * (len(row) - first) + PASS_TOKENS, start

    bands: list[Band] = []
    back = [-1] * tokens
    done = 0
    for part in _cheapest(len(asked), ending):
        first, longest = asked[part.start]
        for index in part:
            for place, token in enumerate(asked[index][1][first:]):
                if back[token] < 0:
                    back[token] = done + place
            done += len(longest) - first
        keys = _padded([asked[index][1] for index in part]).to(device)
        bands.append(Band(keys[:, first:], keys))
    return Bands(tuple(bands), torch.tensor(back).to(device))


def _asked(rows: Sequence[list[int]], shared: Sequence[int], device: str) -> list[tuple[int, list[int]]]:
    """Rows with the place of their first query: a shared prompt on its own and then what follows it, or all at once."""
    apart = APART["cpu" if device == "cpu" else "cuda"]
    asked: list[tuple[int, list[int]]] = []
    prompts: dict[int, list[int]] = {}
    for row, first in zip(rows, shared, strict=True):
        if first and len(row) - first <= apart * len(row):
            prompts[row[0]] = row[:first]
            if len(row) > first:
                asked.append((first, row))
        else:
            asked.append((0, row))
    return [*asked, *((0, prompt) for prompt in prompts.values())]


def micro_batches(samples: Sequence[Sample], max_tokens: int) -> list[list[int]]:
    """Indices of the samples in chunks of at most ``max_tokens`` each (a longer sample stands alone).

    Samples with the same prompt stay together, and they and those of similar length stand next to each other. Of all
    cuts of that order the cheapest, where a pass more costs as much as ``PASS_TOKENS``. The tokens of a chunk: all that
    it reads, a prompt once, and for what attention looks at again, 1 / ``ATTENTION_SHARE`` each.
    """
    prompts = [_prompt(sample) for sample in samples]
    longest: dict[tuple[int, ...], int] = {}
    for sample, prompt in zip(samples, prompts, strict=True):
        longest[prompt] = max(longest.get(prompt, 0), len(sample.ids))
    number = {prompt: index for index, prompt in enumerate(longest)}

    def place(index: int) -> tuple[int, ...]:
        length, prompt = len(samples[index].ids), prompts[index]
        return (-longest[prompt], number[prompt], -length, index) if prompt else (-length, -1, 0, index)

    order = sorted(range(len(samples)), key=place)

    def ending(end: int) -> Iterator[tuple[int, int]]:
        tokens = positions = 0
        for start in range(end - 1, -1, -1):
            length, prompt = len(samples[order[start]].ids), prompts[order[start]]
            shared = start < end - 1 and prompt == prompts[order[start + 1]]
            tokens += length - len(prompt) * shared
            positions += length
            cost = tokens + (positions - tokens) // ATTENTION_SHARE
            if cost > max_tokens and start < end - 1:
                return
            yield cost + PASS_TOKENS, start

    return [[order[index] for index in part] for part in _cheapest(len(order), ending)]


def _cheapest(count: int, ending: Callable[[int], Iterable[tuple[int, int]]]) -> list[range]:
    """The cut of ``range(count)`` into runs at the least sum of costs; ``ending(end)``: cost and start of each run."""
    best, begin = [0], [0]
    for end in range(1, count + 1):
        cost, start = min((best[start] + cost, start) for cost, start in ending(end))
        best.append(cost)
        begin.append(start)
    ends = [count]
    while ends[-1]:
        ends.append(begin[ends[-1]])
    return [range(start, end) for start, end in pairwise(reversed(ends))]
