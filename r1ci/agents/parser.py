"""What a turn says: a program to run, a final answer, and how it broke the format.

Departures from the paper's description, which leaves these cases open: see the table in docs/agents.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from r1ci.agents.trajectory import Violation

CODE_STOP = "\n```\n"
"""Generation pauses here; ``parse`` says whether a program is complete."""

_BLOCK = re.compile(r"```python[ \t]*\r?\n(.*?)(?:(?<=\n)|\n)```(?!\w)", re.DOTALL)
_UNTERMINATED = re.compile(r"```python.*\Z", re.DOTALL)
_CLOSING = re.compile(r">{3,}")


@dataclass(frozen=True)
class Parsed:
    """One turn, understood."""

    code: str | None
    """The first program of the turn, if it is to be run."""
    code_end: int
    """Index in the text after the first block's closing fence; the length of the text when there is none."""
    answer: str | None
    """The final answer, if the turn gives one outside code and after its last block."""
    violations: tuple[Violation, ...]


def parse(text: str) -> Parsed:
    """Understand the text of one turn.

    An answer after the last block wins over the block: the episode ends. Of several blocks the first is run.
    Text inside code never counts as an answer, not even in a block that was never closed.
    """
    blocks = list(_BLOCK.finditer(text))
    rest = text[blocks[-1].end() :] if blocks else text
    outside = _UNTERMINATED.sub("", rest)
    answer = final_answer(outside)
    violations = []
    if len(blocks) > 1:
        violations.append(Violation.SEVERAL_BLOCKS)
    if outside != rest:
        violations.append(Violation.UNTERMINATED_BLOCK)
    if blocks and answer is not None:
        violations.append(Violation.BLOCK_AND_ANSWER)
    if not blocks and answer is None:
        violations.append(Violation.VOID_TURN)
    code = blocks[0].group(1) if blocks and answer is None else None
    return Parsed(code, blocks[0].end() if blocks else len(text), answer, tuple(violations))


def final_answer(text: str) -> str | None:
    """The last ``<<<answer>>>`` of a text, stripped; it may span lines and contain or end with ``>``.

    Where more than three ``>`` close it, the first ones belong to the answer: ``<<<] ]>>>>`` is ``] ]>``.
    """
    start = len(text)
    while (start := text.rfind("<<<", 0, start)) >= 0:
        closing = _CLOSING.search(text, start + 3)
        if closing is not None:
            return text[start + 3 : closing.end() - 3].strip()
    return None
