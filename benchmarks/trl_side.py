"""TRL's trainers on the workload of training.py, through their own methods.

Shapes: R rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from datasets import Dataset
from transformers import LogitsProcessor, LogitsProcessorList
from transformers.trainer_callback import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer
from workload import GROUP, LIMITS, Prompter, Script, question

from r1ci.agents.trajectory import Trajectory
from r1ci.executors.local import LocalExecutor
from r1ci.executors.protocol import Program
from r1ci.models.load import Policy
from r1ci.teachers.demonstration import Tokens

PLAIN: dict[str, Any] = {
    "use_cpu": True,
    "bf16": False,
    "report_to": [],
    "save_strategy": "no",
    "logging_strategy": "no",
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
    "gradient_checkpointing": False,
    "max_grad_norm": 1.0,
}
ROWS = 8
"""Sequences per micro-batch."""


class _Scripted(LogitsProcessor):
    """Leaves only the script's token; rows are told apart by what their context says."""

    def __init__(self, prompter: Prompter, tokenizer: Any, pad: int) -> None:
        self._prompter, self._tokenizer, self._pad = prompter, tokenizer, pad
        self._rows: list[tuple[int, ...]] = []
        self._start = 0

    def begin(self, ids_RT: torch.Tensor) -> None:
        """A call of ``generate`` begins."""
        seen: Counter[int] = Counter()
        self._rows, self._start = [], ids_RT.shape[1]
        for row in ids_RT.tolist():
            ids = [token for token in row if token != self._pad]
            number = self._prompter.number(self._tokenizer.decode(ids))
            self._rows.append(self._prompter.turn(ids, seen[number] % GROUP, "called"))
            seen[number] += 1

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Scores (R, V) with the script's token far above all others."""
        at = input_ids.shape[1] - self._start
        for number, row in enumerate(self._rows):
            if at < len(row):
                scores[number, row[at]] = 1e4
        return scores


class Rollouts:
    """GRPOTrainer's own generation with a tool, program after program, as ``train`` runs it: ``episodes`` at a time."""

    def __init__(self, policy: Policy, scripts: dict[tuple[int, int], Script], episodes: int) -> None:
        self._policy, self._episodes, self._batches = policy, episodes, len(scripts) // episodes
        self._executor, self._runner = LocalExecutor(LIMITS), asyncio.Runner()
        self._trainer = grpo(policy, episodes, tools=[self._tool()])
        self.generating = 0.0
        self._time_generation()
        self._script(Prompter(policy.tokenizer, scripts))
        self.prompt_tokens = len(
            policy.tokenizer.apply_chat_template(
                _message(0), tools=self._trainer.tools, add_generation_prompt=True, return_dict=False
            )
        )

    def _tool(self) -> Callable[[str], str]:
        def python(code: str) -> str:
            """Run a Python program and return what it prints.

            Args:
                code: The program.
            """
            return self._runner.run(self._executor.run(Program(code))).stdout

        return python

    def _time_generation(self) -> None:
        inner = self._trainer._generate

        def timed(prompts: Any) -> Any:
            began = time.perf_counter()
            result = inner(prompts)
            self.generating += time.perf_counter() - began
            return result

        self._trainer._generate = timed

    def _script(self, prompter: Prompter) -> None:
        model, tokenizer = self._policy
        processor = _Scripted(prompter, tokenizer, tokenizer.pad_token_id)
        inner = type(model).generate

        def generate(**inputs: Any) -> Any:
            processor.begin(inputs["input_ids"])
            return inner(model, **inputs, logits_processor=LogitsProcessorList([processor]))

        model.generate = generate

    def run(self) -> int:
        """All episodes, batch after batch; the tokens that were sampled."""
        self._trainer.model.train()
        self.generating, sampled = 0.0, 0
        for start in range(0, self._batches * self._episodes, self._episodes):
            inputs = [{"prompt": _message(number // GROUP)} for number in range(start, start + self._episodes)]
            out = self._trainer._generate_and_score_completions(inputs)
            sampled += int((out["completion_mask"] * out["tool_mask"]).sum())
        return sampled

    def close(self) -> None:
        """Give the model its own method back and end the executor."""
        del self._policy.model.generate
        self._runner.run(self._executor.close())
        self._runner.close()


def _message(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": question(number)}]


def grpo(policy: Policy, episodes: int, tools: list[Any] | None = None) -> GRPOTrainer:
    """A trainer whose batch of episodes is split into micro-batches of ROWS."""
    folder = tempfile.mkdtemp()
    config = GRPOConfig(
        output_dir=folder,
        per_device_train_batch_size=ROWS,
        steps_per_generation=episodes // ROWS,
        gradient_accumulation_steps=1,
        num_generations=GROUP,
        max_completion_length=512,
        learning_rate=1e-5,
        **PLAIN,
    )
    data = Dataset.from_list([{"prompt": _message(number)} for number in range(max(ROWS, episodes // GROUP))])
    return GRPOTrainer(
        model=policy.model,
        processing_class=policy.tokenizer,
        args=config,
        train_dataset=data,
        reward_funcs=lambda completions, **rest: [float(i % 2) for i in range(len(completions))],
        tools=tools,
    )


class Update:
    """GRPOTrainer's loss over a batch padded to its longest, split into micro-batches, then AdamW."""

    def __init__(self, policy: Policy, items: Sequence[Trajectory]) -> None:
        self._model, self._pad = policy.model, policy.tokenizer.pad_token_id
        self._trainer = grpo(policy, len(items))
        self._trainer.current_gradient_accumulation_steps = len(items) // ROWS
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=1e-5)
        self._items = items

    def run(self) -> int:
        """One update; the tokens of its episodes, prompts included, padding not."""
        self._model.train()
        whole = self._inputs()
        for start in range(0, len(self._items), ROWS):
            part = {key: value[start : start + ROWS] for key, value in whole.items() if value.dim()}
            part["num_items_in_batch"] = whole["num_items_in_batch"]
            self._trainer._compute_loss(self._model, part).backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return sum(len(item.ids) for item in self._items)

    def _inputs(self) -> dict[str, torch.Tensor]:
        """What GRPOTrainer makes of a generation: prompts padded on the left, completions on the right."""
        prompts = [torch.tensor(item.ids[: item.prompt_tokens]) for item in self._items]
        completions = [torch.tensor(item.ids[item.prompt_tokens :]) for item in self._items]
        masks = [torch.ones_like(ids) for ids in completions]
        padded = torch.nn.utils.rnn.pad_sequence(masks, batch_first=True)
        return {
            "prompt_ids": torch.stack(prompts),
            "prompt_mask": torch.stack([torch.ones_like(ids) for ids in prompts]),
            "completion_ids": torch.nn.utils.rnn.pad_sequence(completions, batch_first=True, padding_value=self._pad),
            "completion_mask": padded,
            "advantages": torch.tensor([1.0 if item.reward else -1.0 for item in self._items]),
            "num_items_in_batch": padded.sum(),
        }


class _Clock(TrainerCallback):
    """Time from the first step's begin to the last one's end."""

    began = 0.0
    seconds = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """A step begins."""
        self.began = self.began if state.global_step else time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """A step has ended."""
        self.seconds = time.perf_counter() - self.began


class Supervised:
    """SFTTrainer over the whole data once, in batches of ROWS x 2."""

    def __init__(self, policy: Policy, data: Sequence[Tokens]) -> None:
        rows = [{"input_ids": list(item.ids), "completion_mask": list(item.mask)} for item in data]
        config = SFTConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=2 * ROWS,
            num_train_epochs=1,
            max_length=None,
            learning_rate=1e-5,
            completion_only_loss=True,
            **PLAIN,
        )
        self._make = lambda clock: SFTTrainer(
            model=policy.model,
            args=config,
            train_dataset=Dataset.from_list(rows),
            processing_class=policy.tokenizer,
            callbacks=[clock],
        )
        self._tokens = sum(len(item.ids) for item in data)

    def run(self) -> tuple[int, float]:
        """One epoch: tokens, and seconds spent in steps."""
        clock = _Clock()
        trainer = self._make(clock)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        return self._tokens, clock.seconds
