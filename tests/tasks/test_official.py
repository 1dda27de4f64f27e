"""Official data on disk: which task it belongs to, what is read of it, and what becomes of bad items."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from r1ci.errors import EnvironmentMissing, R1ciError
from r1ci.tasks.base import Sample
from r1ci.tasks.official import Item, audit, fetch, items, judge, read_rl, read_sft, sound
from r1ci.tasks.official.names import task_of
from r1ci.tasks.official.records import marked_answer
from r1ci.tasks.registry import get_task

SPLITTING = "Initially, there are {} units of Machine A, 1 units of Machine B, and 3 units of Machine C. How many?"
SPLIT = ["0", "0", "0", "3", "0", "5"]


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def folder(path: Path, question: str, solution: Any) -> None:
    write(path / "question.txt", question)
    write(path / "solution.json", solution)


def found(path: Path) -> list[tuple[str | None, str]]:
    return [(item.task, item.sample.name) for item in items(path)]


@pytest.mark.parametrize(
    ("path", "task"),
    [
        ("dataset_gather/eight_queens_dataset/sample_0", "symbench/eight_queens"),
        ("eight_queens_dataset_2/sample_0", "symbench/eight_queens"),
        ("eight_queens_dataset_hard/sample_0", "symbench/eight_queens"),
        ("number_multiply_varied_complexity/digit_1_2_4/sample_1", "symbench/number_multiply"),
        ("2048_dataset/sample_7", "symbench/2048"),
        ("game24_dataset/24/24.csv", "symbench/game24"),
        ("Letters_dataset_min_length_5_max_length_10/a_1_0", "symbench/letters"),
        ("string_insertion/sample_3", "symbench/string_insertion"),
        ("reasoning_gym/string_insertion.csv", None),
        ("reasoning_gym/word_sorting.csv", "rg/word_sorting"),
        ("BIG-Bench-Hard/bbh/word_sorting.json", "bbh/word_sorting"),
        ("reasoning_gym/gcd.csv", "rg/gcd"),
        ("reasoning_gym/gcd_of_something_else.csv", None),
        ("BoxNet1_dataset/env_pg_state_1_2/pg_state0", "symbench/boxnet"),
        ("BoxLift_dataset/BoxLift_10_3/BoxLift0", "symbench/boxlift"),
        ("gcd.csv", "rg/gcd"),
        ("Standard-Sudoku", "symbench/standard_sudoku"),
        ("MATH/train/algebra", None),
        ("home/geometry/notes", None),
        ("Open-images/1.json", None),
    ],
)
def test_names_tell_tasks(path: str, task: str | None) -> None:
    assert task_of(path.split("/")) == task


def test_a_tree_is_walked_in_order_and_each_item_found_once(tmp_path: Path) -> None:
    for number in (10, 2):
        folder(tmp_path / f"data/string_splitting/sample_{number}", SPLITTING.format(3), {"expected_answer": SPLIT})
    (tmp_path / "data/string_splitting/sample_11").mkdir()
    write(tmp_path / "data/number_multiply/digit_1_2/sample_0/input_prompt_1.txt", "What is the result of 3*-14?")
    write(tmp_path / "data/number_multiply/digit_1_2/sample_0/target_answer.txt", "-42")
    write(tmp_path / "data/game24_dataset/24/24_4_number.csv", "Rank,Puzzles,Solutions\n1,1 1 4 6,1*1*4*6\n")
    write(tmp_path / "data/BIG-Bench-Hard/bbh/word_sorting.json",
          {"canary": "x", "examples": [{"input": "Sort: List: b a", "target": "a b"}]})  # fmt: skip
    write(tmp_path / "data/README.md", "about")
    assert found(tmp_path / "data") == [
        ("bbh/word_sorting", "data/BIG-Bench-Hard/bbh/word_sorting.json#1"),
        ("symbench/game24", "data/game24_dataset/24/24_4_number.csv#1"),
        ("symbench/number_multiply", "data/number_multiply/digit_1_2/sample_0"),
        ("symbench/string_splitting", "data/string_splitting/sample_2"),
        ("symbench/string_splitting", "data/string_splitting/sample_10"),
        ("symbench/string_splitting", "data/string_splitting/sample_11"),
    ]
    counts = {
        task.task: (task.accepted, task.repaired, task.rejected) for task in audit(items(tmp_path / "data")).tasks
    }
    assert counts["symbench/string_splitting"] == (2, 0, 1)
    assert counts["symbench/number_multiply"] == counts["symbench/game24"] == (1, 0, 0)


def test_one_folder_or_file_is_enough(tmp_path: Path) -> None:
    sample = tmp_path / "string_splitting/sample_1"
    folder(sample, SPLITTING.format(3), {"expected_answer": SPLIT})
    for path in (sample, sample / "question.txt", sample / "solution.json"):
        assert found(path) == [("symbench/string_splitting", "sample_1")]
    write(tmp_path / "game24_dataset/30/30_3_number.csv", "Rank,Puzzles,Solutions\n1,5 5 1,5*(5+1)\n")
    item = next(items(tmp_path / "game24_dataset/30/30_3_number.csv"))
    assert judge(item).verdict == "accepted"


@pytest.mark.parametrize(
    ("question", "solution", "verdict", "why"),
    [
        (SPLITTING.format(3), {"expected_answer": SPLIT}, "accepted", ""),
        (SPLITTING.format(3), {}, "accepted", "no official answer"),
        (SPLITTING.format(4), {"expected_answer": SPLIT}, "repaired", "right is"),
        (SPLITTING.format(3), {"expected_answer": {"deep": [None]}}, "repaired", "right is"),
        ("Initially, there are none.", {"expected_answer": SPLIT}, "rejected", "cannot be counted"),
        ("", {"expected_answer": SPLIT}, "rejected", "no question"),
        (SPLITTING.format(3), "{", "rejected", "no JSON"),
        (SPLITTING.format(3), "[" * 100_000, "rejected", "no JSON"),
    ],
)
def test_items_are_judged(tmp_path: Path, question: str, solution: Any, verdict: str, why: str) -> None:
    folder(tmp_path / "string_splitting/sample_0", question, solution)
    (judged,) = audit(items(tmp_path)).verdicts
    assert judged.verdict == verdict
    assert why in judged.why
    questions = list(sound(items(tmp_path)))
    assert len(questions) == (verdict != "rejected")
    assert all(get_task(q.task).check(q, q.answer) for q in questions)


def test_a_reader_that_trips_costs_its_row_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from r1ci.tasks.symbench import string_splitting

    def trip(sample: Sample) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(string_splitting, "read_official", trip)
    verdict = judge(Item("symbench/string_splitting", Sample("sample_0", {})))
    assert (verdict.verdict, verdict.why) == ("rejected", "its reader failed: KeyError: 'oops'")


def test_reasons_are_counted_without_what_they_quote_and_repeats_are_noted(tmp_path: Path) -> None:
    for number in (1, 1, 2, 3, 3):
        name = f"sample_{len(list(tmp_path.rglob('sample_*')))}"
        right = {"expected_answer": SPLIT} if number == 3 else {"expected_answer": [str(number)] * 6}
        folder(tmp_path / "string_splitting" / name, SPLITTING.format(number), right)
    (task,) = audit(items(tmp_path)).tasks
    assert (task.accepted, task.repaired, task.rejected, task.items) == (2, 3, 0, 5)
    assert task.why == {"its answer is wrong": 3}
    assert task.notes == {"it repeats an earlier question": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("word_sorting.json", "{"),
        ("word_sorting.json", "[" * 100_000),
        ("word_sorting.json", "17"),
        ("word_sorting.json", [1, None, "x"]),
        ("word_sorting.json", {"examples": [{"input": "x"}, {}, None, []]}),
        ("word_sorting.jsonl", '{"input": "x"}\nnot json'),
        ("gcd.csv", "question,answer\n"),
        ("gcd.csv", 'question,answer,metadata\n"What is the gcd?",3,{\n,,\nx\n1,2,3,4,5,6\n'),
        ("gcd.csv", "\x00\x01\x02"),
        ("gcd.parquet", "no parquet"),
    ],
)
def test_broken_files_are_reported_and_never_raise(tmp_path: Path, name: str, content: Any) -> None:
    write(tmp_path / "bbh" / name if name.startswith("word") else tmp_path / "reasoning_gym" / name, content)
    assert {verdict.verdict for verdict in audit(items(tmp_path)).verdicts} <= {"rejected"}


def test_bytes_that_are_no_text_do_not_stop_the_walk(tmp_path: Path) -> None:
    folder(tmp_path / "string_splitting/sample_0", "x", {})
    (tmp_path / "string_splitting/sample_0/question.txt").write_bytes(b"\xff\xfe\x00\xd8")
    assert audit(items(tmp_path)).verdicts[0].verdict == "rejected"


def test_rows_of_reasoning_gym_need_their_metadata(tmp_path: Path) -> None:
    text = "question,answer,metadata\n"
    text += '"What is the gcd of 12 and 18?",6,"{""numbers"": [12, 18]}"\n"And of 12 and 18?",6,no json\n'
    write(tmp_path / "reasoning_gym/gcd.csv", text)
    assert [verdict.verdict for verdict in audit(items(tmp_path)).verdicts] == ["accepted", "rejected"]


ALPACA = {"instruction": SPLITTING.format(3), "input": "", "output": "So <<<1>>>, no: <<<[0, 0, 0, 3, 0, 5]>>>"}
SHAREGPT = {
    "conversations": [
        {"from": "human", "value": SPLITTING.format(3)},
        {"from": "gpt", "value": "print(1)"},
        {"from": "observation", "value": "1"},
        {"from": "gpt", "value": "<<<0 0 0 3 0 5>>>"},
    ],
    "system": "Be brief.",
}
MESSAGES = {"messages": [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "No marks."}]}


def test_demonstrations_have_three_shapes(tmp_path: Path) -> None:
    write(tmp_path / "sft.json", [ALPACA, SHAREGPT, MESSAGES])
    first, second, third = read_sft(tmp_path / "sft.json")
    assert [turn.role for turn in first.turns] == ["user", "assistant"]
    assert [turn.role for turn in second.turns] == ["system", "user", "assistant", "tool", "assistant"]
    assert (first.answer, second.answer, third.answer) == ("[0, 0, 0, 3, 0, 5]", "0 0 0 3 0 5", None)
    write(tmp_path / "lines.jsonl", "\n".join(json.dumps(row) for row in (ALPACA, MESSAGES)))
    assert [talk.question for talk in read_sft(tmp_path / "lines.jsonl")] == [SPLITTING.format(3), "What?"]


@pytest.mark.parametrize(
    "row",
    [{}, [], 1, {"conversations": "x"}, {"conversations": [1]}, {"messages": [{"role": "nobody", "content": ""}]},
     {"instruction": "", "output": "x"}],
)  # fmt: skip
def test_other_shapes_are_refused_with_a_reason(tmp_path: Path, row: Any) -> None:
    write(tmp_path / "sft.json", [row])
    with pytest.raises(ValueError, match=r".+"):
        list(read_sft(tmp_path / "sft.json"))


def test_demonstrations_are_judged_where_their_task_is_named(tmp_path: Path) -> None:
    write(
        tmp_path / "sft.json",
        [{**ALPACA, "task": "string_splitting"}, {**ALPACA, "source": "symbench/string_splitting"}, MESSAGES],
    )
    verdicts = audit(items(tmp_path)).verdicts
    assert [(v.task, v.verdict) for v in verdicts] == [
        ("symbench/string_splitting", "accepted"),
        ("symbench/string_splitting", "accepted"),
        ("(no task of r1ci)", "rejected"),
    ]


def reward(truth: Any, prompt: Any, **more: Any) -> dict[str, Any]:
    return {
        "data_source": "string_splitting",
        "prompt": prompt,
        "ability": "logic",
        "reward_model": {"style": "rule", "ground_truth": truth},
        "extra_info": {"index": 0, "split": "train"},
        **more,
    }


def test_rewards_are_read_from_parquet(tmp_path: Path) -> None:
    import polars as pl

    prompt = [{"role": "system", "content": "Answer."}, {"role": "user", "content": SPLITTING.format(3)}]
    rows = [reward("0 0 0 3 0 5", prompt), reward("0 0 0 3 0 6", prompt), reward("x", prompt, data_source="nowhere")]
    pl.DataFrame(rows).write_parquet(tmp_path / "train.parquet")
    read = list(read_rl(tmp_path / "train.parquet"))
    assert [row.ground_truth for row in read] == ["0 0 0 3 0 5", "0 0 0 3 0 6", "x"]
    assert {row.question for row in read} == {SPLITTING.format(3)}
    assert read[0].style == "rule"
    assert [v.verdict for v in audit(items(tmp_path)).verdicts] == ["accepted", "repaired", "rejected"]


@pytest.mark.parametrize(
    ("truth", "text"), [("5", "5"), (5, "5"), ({"target": ["a"]}, "a"), ({"target": "a"}, "a"), ([1, 2], "[1, 2]")]
)
def test_ground_truths_have_many_shapes(tmp_path: Path, truth: Any, text: str) -> None:
    write(tmp_path / "rl.json", [reward(truth, "What?")])
    assert next(read_rl(tmp_path / "rl.json")).ground_truth == text


@pytest.mark.parametrize("row", [{}, reward(None, "What?"), reward("1", []), reward("1", ""), reward("1", 3)])
def test_rewards_without_question_or_truth_are_refused(tmp_path: Path, row: Any) -> None:
    write(tmp_path / "rl.json", [row])
    with pytest.raises(ValueError, match=r".+"):
        list(read_rl(tmp_path / "rl.json"))


@pytest.mark.parametrize(
    ("text", "answer"),
    [("<<<a>>> then <<<b>>>", "b"), ("<<<] ]>>>>", "] ]>"), ("<<<a\nb>>>", "a\nb"), ("<<<a", None), ("a>>>", None)],
)
def test_the_last_marked_answer_counts(text: str, answer: str | None) -> None:
    assert marked_answer(text) == answer


def test_what_is_neither_here_nor_a_hub_id_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(R1ciError, match="no such file"):
        fetch(str(tmp_path / "nothing"))
    with pytest.raises(R1ciError, match="no such file"):
        fetch("nothing")
    assert fetch(str(tmp_path)) == tmp_path


def test_a_download_without_the_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "huggingface_hub":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EnvironmentMissing, match="pip install huggingface_hub"):
        fetch("owner/data")


def test_a_hub_id_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    asked = []

    def download(name: str, *, repo_type: str) -> str:
        asked.append((name, repo_type))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert fetch("owner/data") == tmp_path
    assert asked == [("owner/data", "dataset")]
