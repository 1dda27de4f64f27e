"""Episodes per second of the hf engine against transformers.generate, called turn by turn.

    python benchmarks/episodes.py [--questions 16] [--samples 4] [--rounds 3] [--temperature 1.0]

A tiny model is first trained for some SFT steps on program demonstrations, so that it stops, calls the interpreter and
answers as a model in training does. Then the same attempts run through the same episode loop, the same parser and the
same local executor on four engines, in alternating rounds:

    hf             r1ci.engines.hf: caches kept between turns, programs run while other episodes decode
    hf lock-step   the same engine in its deterministic mode
    one by one     transformers.generate per turn, an episode after the other
    batched        transformers.generate per turn over all live episodes, left-padded

The peers are spared the log-probabilities that ours returns with every token. At temperature 0 all engines do exactly
the same work, and the share of episodes with equal token ids is printed; above it they draw from the same
distribution, and tokens per episode say how equal the work was.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from r1ci.agents.episode import Attempt, Team, episode_seed
from r1ci.agents.rollout import rollout
from r1ci.agents.trajectory import Trajectory
from r1ci.engines.hf import HfEngine
from r1ci.engines.protocol import Completion, Engine, Finish, Request
from r1ci.executors.local import LocalExecutor
from r1ci.executors.protocol import Executor
from r1ci.models.build import build_tiny
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer
from r1ci.spec.models import AgentSpec, ProgramTeacher, Sft, TinyModel
from r1ci.spec.models import LocalExecutor as LocalSpec
from r1ci.tasks.base import Question, Task
from r1ci.tasks.registry import get_task
from r1ci.teachers.demonstration import Demonstration, tokenise
from r1ci.teachers.program import demonstrate
from r1ci.train.optimizer import apply_gradients, learning_rate, make_optimizer
from r1ci.train.sft import accumulate, batch_of

TASKS = ("rg/gcd", "rg/lcm", "rg/chain_sum", "rg/count_primes")
MODEL = TinyModel(layers=4, width=128, heads=4, kv_heads=2, feedforward=352, vocabulary=1024)
AGENT = AgentSpec(max_code_calls=2, turn_tokens=72, context_tokens=576, max_output_tokens=32)
LIMITS = LocalSpec(timeout_s=2, memory_mb=256)
SFT = Sft(optimizer="muon", learning_rate=6e-3, batch_size=16)
SFT_STEPS = 60
SHOWN_PER_TASK = 60
MICRO_BATCH_TOKENS = 4096


class Generate:
    """transformers.generate behind the engine contract; ``batched`` waits for every live episode's request."""

    def __init__(self, policy: Policy, *, batched: bool) -> None:
        self._model, self._tokenizer = policy
        self._batched = batched
        self._live: set[int] = set()
        self._waiting: dict[int, tuple[Request, asyncio.Future[Completion]]] = {}

    async def open(self, episode: int) -> None:
        """Count an episode among the live ones."""
        self._live.add(episode)

    async def release(self, episode: int) -> None:
        """The others need not wait for it any longer."""
        self._live.discard(episode)
        self._serve()

    async def generate(self, request: Request) -> Completion:
        """One completion; in one call with those of all other live episodes where batched."""
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting[request.episode] = (request, future)
        self._serve()
        return await future

    def _serve(self) -> None:
        if not self._waiting or (self._batched and len(self._waiting) < len(self._live)):
            return
        waiting, self._waiting = list(self._waiting.values()), {}
        completions = self._call([request for request, _ in waiting])
        for (_, future), completion in zip(waiting, completions, strict=True):
            future.set_result(completion)

    def _call(self, requests: Sequence[Request]) -> list[Completion]:
        longest = max(len(request.ids) for request in requests)
        ids = torch.full((len(requests), longest), self._tokenizer.pad_token_id)
        seen = torch.zeros_like(ids)
        for row, request in enumerate(requests):
            ids[row, longest - len(request.ids) :] = torch.tensor(request.ids)
            seen[row, longest - len(request.ids) :] = 1
        temperature = requests[0].temperature
        drawing = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
        stop = next((request.stop for request in requests if request.stop), ())
        stopping = {"stop_strings": list(stop), "tokenizer": self._tokenizer} if stop else {}
        with torch.inference_mode():
            out = self._model.generate(
                input_ids=ids,
                attention_mask=seen,
                max_new_tokens=max(request.max_tokens for request in requests),
                pad_token_id=self._tokenizer.pad_token_id,
                eos_token_id=self._tokenizer.eos_token_id,
                **drawing,
                **stopping,
            )
        rows = zip(requests, out[:, longest:].tolist(), strict=True)
        return [self._completion(request, row) for request, row in rows]

    def _completion(self, request: Request, row: list[int]) -> Completion:
        while row and row[-1] == self._tokenizer.pad_token_id:
            row.pop()
        ids = row[: request.max_tokens]
        if ids and ids[-1] == self._tokenizer.eos_token_id:
            finish = Finish.EOS
        else:
            finish = Finish.LENGTH if len(ids) == request.max_tokens else Finish.STOP
        return Completion(tuple(ids), (0.0,) * len(ids), finish)


@dataclass(frozen=True)
class Contender:
    """One way to run the attempts."""

    name: str
    engine: Callable[[Policy, int], Engine]
    """From the policy and the number of attempts."""
    wave: Callable[[int], int | None]
    """How many episodes begin together, from the number of attempts."""


CONTENDERS = (
    Contender("hf", lambda policy, n: _hf(policy, n, lock_step=False), lambda n: None),
    Contender("hf lock-step", lambda policy, n: _hf(policy, n, lock_step=True), lambda n: n),
    Contender("one by one", lambda policy, n: Generate(policy, batched=False), lambda n: 1),
    Contender("batched", lambda policy, n: Generate(policy, batched=True), lambda n: n),
)


def _hf(policy: Policy, places: int, *, lock_step: bool) -> HfEngine:
    return HfEngine(*policy, places=places, positions=AGENT.context_tokens, lock_step=lock_step)


def main() -> None:
    """Train, run the rounds, print one line per contender."""
    options = _options()
    torch.manual_seed(0)
    tasks = {name: get_task(name) for name in TASKS}
    policy = trained(tasks)
    per_task = options.questions // len(tasks)
    attempts = [
        Attempt(question, AGENT, sample, options.temperature, episode_seed("benchmark", question.id, sample))
        for task in tasks.values()
        for question in _questions(task, SHOWN_PER_TASK, per_task)
        for sample in range(options.samples)
    ]
    seconds: dict[str, list[float]] = {each.name: [] for each in CONTENDERS}
    ran: dict[str, list[Trajectory]] = {}
    for number in range(options.rounds + 1):
        for each in CONTENDERS:
            some = attempts if number else attempts[:2]  # the first round only warms up
            began = time.perf_counter()
            ran[each.name] = asyncio.run(_run(each, policy, some, tasks))
            if number:
                seconds[each.name].append(time.perf_counter() - began)
    _print(len(attempts), seconds, ran)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=16, help="over all tasks")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--temperature", type=float, default=1.0)
    return parser.parse_args()


def trained(tasks: dict[str, Task]) -> Policy:
    """A tiny model after a few SFT steps on program demonstrations."""
    shown = asyncio.run(_demonstrations(tasks))
    texts = [text for item in shown for text in (item.prompt, "".join(part.text for part in item.segments))]
    tokenizer = train_tokenizer(texts, MODEL.vocabulary)
    model = build_tiny(MODEL, tokenizer, 0)
    data = [tokenise(item, tokenizer) for item in shown]
    optimizer = make_optimizer(model, SFT)
    began, loss = time.perf_counter(), 0.0
    for step in range(SFT_STEPS):
        batch = batch_of(data, step, SFT.batch_size, 0)
        loss, _ = accumulate(model, batch, MICRO_BATCH_TOKENS)
        apply_gradients(model, optimizer, learning_rate(step, SFT_STEPS, SFT), SFT.max_grad_norm)
    parameters, seconds = sum(parameter.numel() for parameter in model.parameters()), time.perf_counter() - began
    print(f"{parameters / 1e6:.1f} M parameters after {SFT_STEPS} SFT steps in {seconds:.0f} s: loss {loss:.2f}")
    return Policy(model.eval(), tokenizer)


async def _demonstrations(tasks: dict[str, Task]) -> list[Demonstration]:
    executor = LocalExecutor(LIMITS)
    try:
        making = [
            demonstrate(question, task, ProgramTeacher(), "free", executor, LIMITS, 0)
            for task in tasks.values()
            for question in _questions(task, 0, SHOWN_PER_TASK)
        ]
        return [item for item in await asyncio.gather(*making) if item is not None]
    finally:
        await executor.close()


def _questions(task: Task, start: int, count: int) -> list[Question]:
    return [task.question(index, 0) for index in range(start, start + count)]


async def _run(
    contender: Contender, policy: Policy, attempts: Sequence[Attempt], tasks: dict[str, Task]
) -> list[Trajectory]:
    executor: Executor = LocalExecutor(LIMITS)
    team = Team(contender.engine(policy, len(attempts)), policy.tokenizer, executor, LIMITS)
    try:
        return await rollout(attempts, team, tasks, wave=contender.wave(len(attempts)))
    finally:
        await executor.close()


def _print(episodes: int, seconds: dict[str, list[float]], ran: dict[str, list[Trajectory]]) -> None:
    ours = seconds["hf"]
    print(f"{episodes} episodes, {len(ours)} rounds, medians, {torch.get_num_threads()} threads")
    print("ratio: episodes per second of hf over the row's")
    print(f"{'engine':<14}{'episodes/s':>12}{'ratio':>8}{'tokens':>8}{'calls':>7}{'correct':>9}{'equal':>7}")
    for name, times in seconds.items():
        ratio = median(theirs / mine for mine, theirs in zip(ours, times, strict=True))
        tokens, calls, correct = (
            sum(value(item) for item in ran[name]) / episodes
            for value in (lambda item: item.generated_tokens, lambda item: item.calls, lambda item: item.correct)
        )
        equal = sum(a.ids == b.ids for a, b in zip(ran["hf"], ran[name], strict=True)) / episodes
        rate = episodes / median(times)
        print(f"{name:<14}{rate:>12.2f}{ratio:>8.2f}{tokens:>8.1f}{calls:>7.2f}{correct:>9.2f}{equal:>7.2f}")


if __name__ == "__main__":
    main()
