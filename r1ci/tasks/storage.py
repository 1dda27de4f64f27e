"""Questions on disk: the table that the questions step writes and every later step reads.

Sets: sft (demonstrations), rl (potential and training), new (kept apart, to evaluate the training tasks), test (of the
tasks never trained on).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1ci.tasks.base import Question, Task
from r1ci.tasks.registry import get_task

FILE = "questions.parquet"


def write_questions(folder: Path, sets: Mapping[str, Sequence[Question]]) -> None:
    """Write the questions of every set, in order."""
    import polars as pl

    rows = [
        {
            "set": name,
            "question_id": question.id,
            "task": question.task,
            "index": question.index,
            "text": question.text,
            "answer": question.answer,
            "data": json.dumps(dict(question.data), sort_keys=True),
        }
        for name, questions in sets.items()
        for question in questions
    ]
    columns = dict.fromkeys(("set", "question_id", "task", "text", "answer", "data"), pl.String)
    schema = {"set": pl.String, "question_id": pl.String, "task": pl.String, "index": pl.Int64, **columns}
    pl.DataFrame(rows, schema=schema).write_parquet(folder / FILE)


def read_questions(folder: Path, *sets: str) -> list[Question]:
    """The questions of these sets, in the order they were written."""
    import polars as pl

    table = pl.read_parquet(folder / FILE).filter(pl.col("set").is_in(sets))
    return [
        Question(row["task"], row["index"], row["text"], row["answer"], json.loads(row["data"]))
        for row in table.iter_rows(named=True)
    ]


def tasks_of(questions: Sequence[Question], params: Mapping[str, Mapping[str, Any]]) -> dict[str, Task]:
    """The task objects of some questions, by id."""
    return {task: get_task(task, params.get(task, {})) for task in dict.fromkeys(q.task for q in questions)}
