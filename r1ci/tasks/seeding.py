"""Where a question's randomness comes from: a hash, so that no two seeds share a question by construction."""

from __future__ import annotations

import hashlib
import random


def item_seed(task: str, seed: int, index: int) -> int:
    """A 64-bit seed for one question: the same on every machine, and unrelated for any two (task, seed, index).

    Adding index to seed instead would make question 1 of seed 0 the same as question 0 of seed 1.
    """
    digest = hashlib.sha256(f"{task}\n{seed}\n{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def item_rng(task: str, seed: int, index: int) -> random.Random:
    """A generator of its own for one question; the global one is never touched."""
    return random.Random(item_seed(task, seed, index))
