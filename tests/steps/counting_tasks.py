"""A plug-in with tasks that count: some behave, others raise, hang, end their process, print or refuse themselves."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1ci.errors import UsageError
from r1ci.tasks.base import Question, TaskInfo
from r1ci.tasks.registry import register


@dataclass(frozen=True)
class Counting:
    id: str
    size: int

    def question(self, index: int, seed: int) -> Question:
        number = (index * 7 + seed) % self.size
        if index % 4 == 3:
            self._misbehave()
        return Question(self.id, index, f"Write {number}.", str(number), {"pair": (number, seed)})

    def check(self, question: Question, answer_text: str) -> bool:
        return answer_text == question.answer and not (self.id == "fake/unsure" and question.index % 4 == 3)

    def program(self, question: Question) -> str | None:
        return None

    def _misbehave(self) -> None:
        match self.id:
            case "fake/raises":
                raise RuntimeError("no idea")
            case "fake/hangs":
                time.sleep(3600)
            case "fake/exits":
                os._exit(3)
            case "fake/chatty":
                print("dots ....")
            case "fake/strict":
                raise UsageError("fake/strict: size is too small", "raise it")


def make(id: str, params: Mapping[str, Any]) -> Counting:
    return Counting(id, params.get("size", 1000))


for name in ("digits", "other", "raises", "hangs", "exits", "unsure", "chatty", "strict"):
    register(TaskInfo(f"fake/{name}", "fake", "train", __name__, "counting", False), make)
