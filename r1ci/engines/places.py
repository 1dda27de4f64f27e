"""Who sits where in the key-value cache, and which tokens each place holds.

A place keeps its tokens after its episode has left or lost it, until somebody else needs it: whoever comes later and
begins with the same tokens need not read them again. The places being decoded stand at the front; of the others, free
ones are given away first, then those of episodes whose programs run, each time the one unused for longest.

Shapes: S places, T positions, W positions compared at once.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

import numpy as np

STRIDE = 64
"""Tokens compared at a time; a place that differs is not looked at any further."""


class Match(NamedTuple):
    """A place that begins like a context."""

    place: int
    tokens: int
    """How many leading tokens they have in common."""


class Places:
    """Plain bookkeeping: the cache itself is moved by the engine, which then says so here."""

    def __init__(self, places: int, positions: int) -> None:
        self.lengths_S = np.zeros(places, dtype=np.int64)
        self.ids_ST = np.full((places, positions), -1, dtype=np.int64)
        self._owners: list[int | None] = [None] * places
        self._place: dict[int, int] = {}
        self._used = [0] * places
        self._clock = 0

    def of(self, episode: int) -> int | None:
        """The place of an episode that has one."""
        return self._place.get(episode)

    def record(self, start: int, chunks: Sequence[Sequence[int]]) -> None:
        """The places from ``start`` on have read these tokens behind those they held."""
        for place, chunk in enumerate(chunks, start):
            length = self.lengths_S[place]
            self.ids_ST[place, length : length + len(chunk)] = chunk
        self.lengths_S[start : start + len(chunks)] += [len(chunk) for chunk in chunks]

    def truncate(self, place: int, count: int) -> None:
        """Only the first tokens of a place are still wanted."""
        self.lengths_S[place] = min(self.lengths_S[place], count)

    def common(self, place: int, ids: np.ndarray) -> int:
        """Leading tokens that a place has in common with a context, its last token never counted: that one is read."""
        length = min(int(self.lengths_S[place]), len(ids) - 1)
        return leading(self.ids_ST[place, :length], ids[:length])

    def match(self, ids: np.ndarray) -> Match:
        """The place with most leading tokens in common with a context, which must not be longer than a place."""
        best, width = Match(0, 0), len(ids) - 1
        candidates_S = np.arange(len(self.lengths_S))
        for start in range(0, width, STRIDE):
            stop = min(start + STRIDE, width)
            same_SW = self.ids_ST[candidates_S, start:stop] == ids[start:stop]
            same_SW &= np.arange(start, stop) < self.lengths_S[candidates_S, None]
            count_S = np.where(same_SW.all(axis=1), stop - start, same_SW.argmin(axis=1))
            first = int(count_S.argmax())
            if count_S[first]:
                best = Match(int(candidates_S[first]), start + int(count_S[first]))
            candidates_S = candidates_S[count_S == stop - start]
            if not len(candidates_S):
                break
        return best

    def alike(self, start: int, count: int) -> int:
        """Leading tokens that all of the ``count`` places from ``start`` on hold."""
        length = int(self.lengths_S[start : start + count].min())
        same_T = (self.ids_ST[start : start + count, :length] == self.ids_ST[start, :length]).all(axis=0)
        return length if same_T.all() else int(same_T.argmin())

    def is_free(self, place: int, active: int) -> bool:
        """Whether a place stands behind the first ``active`` and belongs to nobody."""
        return place >= active and self._owners[place] is None

    def victim(self, active: int, keep: Container[int]) -> int:
        """The place behind the first ``active`` to give away; those of the episodes in ``keep`` are not."""
        candidates = [
            (owner is not None, self._used[place], place)
            for place, owner in enumerate(self._owners[active:], active)
            if owner is None or owner not in keep
        ]
        return min(candidates)[2]

    def seat(self, episode: int, place: int) -> None:
        """Give a place to an episode; whoever had it must read again."""
        self.leave(place)
        self._owners[place], self._place[episode] = episode, place

    def leave(self, place: int) -> None:
        """Nobody sits here any longer; the tokens stay."""
        owner = self._owners[place]
        if owner is not None:
            del self._place[owner]
            self._owners[place] = None

    def touch(self, place: int) -> None:
        """The place has just been used."""
        self._clock += 1
        self._used[place] = self._clock

    def forget(self) -> None:
        """No place holds anything any longer."""
        self.lengths_S[:] = 0

    def copied(self, source: int, target: int, count: int) -> None:
        """The first tokens of one place now stand in another, too."""
        self.ids_ST[target, :count] = self.ids_ST[source, :count]
        self.lengths_S[target] = count

    def swapped(self, a: int, b: int) -> None:
        """Two places have changed their contents and owners."""
        self.ids_ST[[a, b]] = self.ids_ST[[b, a]]
        self.lengths_S[[a, b]] = self.lengths_S[[b, a]]
        self._used[a], self._used[b] = self._used[b], self._used[a]
        self._owners[a], self._owners[b] = self._owners[b], self._owners[a]
        for place in (a, b):
            owner = self._owners[place]
            if owner is not None:
                self._place[owner] = place


def leading(a_T: np.ndarray, b_T: np.ndarray) -> int:
    """Number of leading equal elements."""
    length = min(len(a_T), len(b_T))
    different_T = a_T[:length] != b_T[:length]
    return int(different_T.argmax()) if different_T.any() else length
