"""Cut the RL questions into the groups that the curriculum adds one after another."""

from __future__ import annotations

import json

import polars as pl

from r1ci.curriculum.partition import partition, random_partition
from r1ci.curriculum.potential import QuestionPotential, score
from r1ci.plan.context import StepContext
from r1ci.spec.models import Partition
from r1ci.tasks.storage import read_questions


def run(context: StepContext) -> None:
    """Write partition.parquet, a row per question, and groups.json, what each group spans."""
    spec = Partition.model_validate(context.inputs["partition"])
    seed = context.inputs["seed"]
    tasks = {question.id: question.task for question in read_questions(context.reads["questions"], "rl")}
    measured: dict[str, QuestionPotential] = {}
    if "potential" in context.reads:
        table = pl.read_parquet(context.reads["potential"] / "potential.parquet").drop("task")
        measured = {
            row["question_id"]: QuestionPotential(**{**row, "potential": score(row["p"], spec.score)})
            for row in table.iter_rows(named=True)
        }
        groups = partition(list(measured.values()), spec, seed)
    else:
        groups = random_partition(list(tasks), spec, seed)
    rows = []
    for group in groups:
        for question_id in group.question_ids:
            known = measured.get(question_id)
            rows.append(
                {
                    "question_id": question_id,
                    "task": tasks[question_id],
                    "group": group.number,
                    "p": known.p if known else None,
                    "potential": known.potential if known else None,
                }
            )
    pl.DataFrame(rows, schema_overrides={"p": pl.Float64, "potential": pl.Float64}).write_parquet(
        context.folder / "partition.parquet"
    )
    spans = [
        {"group": group.number, "size": len(group.question_ids), "highest": group.highest, "lowest": group.lowest}
        for group in groups
    ]
    (context.folder / "groups.json").write_text(json.dumps(spans, indent=1) + "\n")
