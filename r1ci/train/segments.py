"""Sums and means over the tokens of each episode, wherever the tokens lie.

Padded rows, packed rows and any order of episodes come down to the same thing: a flat list of sampled tokens, each with
the number of its episode. Every loss is written on that list, so padding and packing cannot change it.

Shapes: N sampled tokens, E episodes. torch is imported for types only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Segments:
    """Which episode each token belongs to."""

    episode_N: Tensor
    """From 0; the tokens of an episode are all here."""
    episodes: int

    def sum(self, values_N: Tensor) -> Tensor:
        """Sum over each episode, (E,)."""
        return values_N.new_zeros(self.episodes).index_add(0, self.episode_N, values_N)

    def counts(self) -> Tensor:
        """Tokens of each episode, (E,), as whole numbers."""
        return self.episode_N.bincount(minlength=self.episodes)

    def mean(self, values_N: Tensor) -> Tensor:
        """Mean over each episode, (E,); 0 for one without a token."""
        return self.sum(values_N) / self.counts().clamp(min=1)

    def spread(self, values_E: Tensor) -> Tensor:
        """Each token's episode's value, (N,)."""
        return values_E[self.episode_N]
