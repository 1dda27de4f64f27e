"""Every response keeps the format. The paper's second term, with weight 0.1.

The paper does not say what breaks it. Here a response does with several code blocks, an unterminated block, a block
beside a final answer, neither code nor answer, or no answer when it is the last one.
"""

from __future__ import annotations

from r1ci.rewards.episode import Episode
from r1ci.spec.models import FormatReward

SUMMARY = "+1 if every response keeps the format, else -1"


def format_kept(episode: Episode, spec: FormatReward) -> float:
    """+1 or -1; one violation in one response is enough. An episode that never got to respond did not keep it."""
    return 1.0 if episode.turns and not any(turn.violations for turn in episode.turns) else -1.0
