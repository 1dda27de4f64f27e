"""Make many questions of many tasks at once, in processes that can be killed.

A task that raises, hangs, or makes a question whose answer its own checker refuses loses that question, never the rest.
What comes back does not depend on the number of processes: questions are taken in the order of their index, those whose
text was seen before are passed over.
"""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from r1ci.errors import EnvironmentMissing, R1ciError, UsageError
from r1ci.tasks.base import Question

PATIENCE = 2000
"""Repeats in a row after which a task is called exhausted: by then at most about one question in 400 is unseen."""
DEADLINE_S = 30.0
"""Longest time for one question; a process's first may take START_S more."""
START_S = 60.0
_BATCH = 64
"""Questions asked of a process at a time."""
_KINDS = {"EnvironmentMissing": EnvironmentMissing, "UsageError": UsageError}
_SERVE = "import sys; sys.path[:] = {path!r}; from r1ci.tasks.generate import serve; serve({plugins!r})"


@dataclass(frozen=True)
class Order:
    """How many different questions of a task are wanted."""

    task: str
    params: Mapping[str, Any]
    seed: int
    need: int


@dataclass(frozen=True)
class Lost:
    """A question that could not be made."""

    task: str
    seed: int
    index: int
    why: str


@dataclass
class Made:
    """What came of an order: fewer questions than were wanted where the task has no more."""

    questions: list[Question] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)


def generate(
    orders: Sequence[Order],
    *,
    plugins: Sequence[str] = (),
    workers: int | None = None,
    deadline_s: float = DEADLINE_S,
    tell: Callable[[str], None] = lambda task: None,
) -> dict[str, Made]:
    """Questions by task. ``tell`` is called with a task's id when its order is done.

    Raises:
        UsageError: a task's parameters make no question; a task loses more questions than it makes.
        EnvironmentMissing: a package that a task needs is not installed.
    """
    waiting: queue.SimpleQueue[Order] = queue.SimpleQueue()
    for order in orders:
        waiting.put(order)
    results: dict[str, Made] = {}
    errors: list[BaseException] = []

    def work() -> None:
        with _Process(plugins, deadline_s) as process:
            while not errors:
                try:
                    order = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    results[order.task] = _fill(order, process)
                except BaseException as error:
                    errors.append(error)
                    return
                tell(order.task)

    count = min(workers or len(os.sched_getaffinity(0)), len(orders))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return {order.task: results[order.task] for order in orders}


def _fill(order: Order, process: _Process) -> Made:
    made, seen, repeats, index = Made(), set[str](), 0, 0
    while len(made.questions) < order.need and repeats < PATIENCE:
        stop = index + min(_BATCH, order.need - len(made.questions))
        for item in process.ask(order, index, stop):
            index += 1
            if isinstance(item, Lost):
                made.lost.append(item)
                continue
            if item.text in seen:
                repeats += 1
                continue
            repeats = 0
            seen.add(item.text)
            made.questions.append(item)
        if len(made.lost) > max(20, len(made.questions)):
            first = made.lost[0]
            raise UsageError(
                f"{order.task} loses most of its questions; the first, seed {first.seed}, index {first.index}: "
                f"{first.why}",
                f"leave {order.task} out with tasks.train.exclude or tasks.test.exclude, or change its tasks.params",
            )
    del made.questions[order.need :]
    return made


class _Process:
    """A Python process that makes questions; started when first asked, and again after it was killed."""

    def __init__(self, plugins: Sequence[str], deadline_s: float) -> None:
        self._plugins, self._deadline_s = list(plugins), deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._warm = False
        """Whether it has answered: the first question of a process pays for its imports."""

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *exception: object) -> None:
        self._kill()

    def ask(self, order: Order, start: int, stop: int) -> Iterator[Question | Lost]:
        """The questions from index ``start`` to before ``stop``, or why one was lost."""
        index, fresh = start, True
        while index < stop:
            if fresh:
                wanted = {"task": order.task, "params": dict(order.params), "seed": order.seed}
                self._send({**wanted, "range": [index, stop]})
            answer = self._receive()
            fresh = answer is None
            if answer is None:
                why = f"took longer than {self._deadline_s:g} s, or ended its process"
                yield Lost(order.task, order.seed, index, why)
            elif "error" in answer:
                raise _KINDS.get(answer["kind"], R1ciError)(answer["error"], answer["help"])
            elif "lost" in answer:
                yield Lost(order.task, order.seed, index, answer["lost"])
            else:
                yield Question(order.task, index, answer["text"], answer["answer"], answer["data"])
            index += 1

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._process is None:
            code = _SERVE.format(path=sys.path, plugins=self._plugins)
            self._process = subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
            self._unread, self._warm = b"", False
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def _receive(self) -> Any:
        """The next answer; None after the deadline or the process's end, and the process is gone then."""
        assert self._process is not None
        assert self._process.stdout is not None
        out = self._process.stdout
        while b"\n" not in self._unread:
            ready, _, _ = select.select([out], [], [], self._deadline_s + (0.0 if self._warm else START_S))
            data = os.read(out.fileno(), 2**20) if ready else b""
            if not data:
                self._kill()
                return None
            self._unread += data
        self._warm = True
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def serve(plugins: Sequence[str]) -> None:
    """What such a process does: answer every line of stdin with one line per question."""
    from r1ci.tasks.registry import get_task, load_plugins

    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # some generators print
    load_plugins(plugins)
    for line in sys.stdin:
        order = json.loads(line)
        for index in range(*order["range"]):
            try:
                task = get_task(order["task"], order["params"])
                question = task.question(index, order["seed"])
                refused = not task.check(question, question.answer)
                answer = {"text": question.text, "answer": question.answer, "data": dict(question.data)}
                if refused:
                    answer = {"lost": f"its checker refuses its answer {question.answer[:80]!r}"}
                text = json.dumps(answer)
            except R1ciError as error:
                text = json.dumps({"error": error.message, "help": error.help, "kind": type(error).__name__})
            except Exception as error:
                text = json.dumps({"lost": f"{type(error).__name__}: {error}"[:300]})
            print(text, file=out, flush=True)
