"""Every item of official data under a folder, in the layouts in which the authors share it.

    <task>[_dataset][_2|_hard|...]/sample_N/{question.txt, solution.json}
    number_multiply/digit_*/sample_N/{input_prompt_1.txt, input_value_list.txt, target_answer.txt}
    BoxLift_dataset/BoxLift_10_3/BoxLift0/BoxLift.json, Blocksworld_dataset/2_3_2_0/blocksworld_task.txt
    BoxNet1_dataset/env_pg_state_1_2/pg_state0/pg_state0.json, Letters_dataset_*/a_1_0/test_words.json
    game24_dataset/<target>/<target>_<count>_number.csv, reasoning_gym/<name>.csv (one item a row)
    MATH/train/<subject>/N.json, BIG-Bench-Hard/bbh/<task>.json, gsmhardv2.jsonl
    SFT JSON and RL parquet (records.py), whose rows say which task they are of, or whose path does

A path may also name any part of that: one folder, one file. Files of other kinds are left alone.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1ci.errors import EnvironmentMissing, R1ciError
from r1ci.tasks.base import Sample
from r1ci.tasks.official import records
from r1ci.tasks.official.names import BBH, suite_of, task_of

MAX_BYTES = 512 * 2**20
"""A larger file is reported, not read."""
MAX_FIELD = 2**24
"""Characters of one field of a CSV file."""
PARTS_ABOVE = 2
"""Folders above the given one whose names still count."""

_WHOLE_FOLDER = re.compile(
    r"question\.txt|solution\.json|input_prompt_[0-9]+\.txt|input_value_list\.txt|target_answer\.txt|boxlift\.json|"
    r"blocksworld_task\.txt|test_words\.json|pg_state[0-9]*\.json", re.IGNORECASE
)  # fmt: skip
"""Files that show that their folder is one item."""
_ITEM_FOLDER = re.compile(r"sample_[0-9]+", re.IGNORECASE)
_ROW_FILES = (".json", ".jsonl", ".csv", ".parquet")
_TEXT_FILES = (".txt", ".json")
_NAMING = ("task", "task_name", "dataset", "dataset_name", "source", "source_dataset", "data_source", "ability")
"""Fields of a row that may say which task it is of."""


@dataclass(frozen=True)
class Item:
    """One official item as it was found."""

    task: str | None
    """Id of the task that its place or its fields name; None if they name none of ours."""
    sample: Sample
    error: str = ""
    """Why it could not even be read, if so."""


def fetch(source: str) -> Path:
    """A local folder or file, or a download of a data set from the hub, such as owner/name.

    Raises R1ciError for what is neither, and EnvironmentMissing where a download cannot be had here.
    """
    path = Path(source).expanduser()
    if path.exists():
        return path
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", source):
        raise R1ciError(f"{source}: no such file or folder", "give a folder, a file, or a data set's id on the hub")
    try:
        import huggingface_hub
    except ImportError as error:
        raise EnvironmentMissing(
            f"{source} is no folder here, and the package huggingface_hub that could download it is not installed",
            "pip install huggingface_hub, or download the data set yourself and give its folder",
        ) from error
    try:
        return Path(huggingface_hub.snapshot_download(source, repo_type="dataset"))
    except (OSError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise EnvironmentMissing(
            f"{source} is no folder here and cannot be downloaded: {type(error).__name__}: {first}",
            "check its name and the network, or download it elsewhere and give its folder",
        ) from error


def items(path: Path) -> Iterator[Item]:
    """Every item at or under a path, in the order of names; a broken file or row is an item with an error.

    Raises R1ciError if the path cannot be read at all.
    """
    root = Path(os.path.abspath(path))
    if root.is_file() and _WHOLE_FOLDER.fullmatch(root.name):
        root = root.parent
    above = root.parts[-1 - PARTS_ABOVE : -1]
    if root.is_file():
        yield from _file_items(root, (*above, root.name), len(above))
        return
    try:
        os.listdir(root)
    except OSError as error:
        raise R1ciError(
            f"{path} cannot be read: {error}", "give a folder of official data, or one of its files"
        ) from error
    for folder, folders, files in os.walk(root):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=_in_order)
        here = Path(folder)
        parts = (*above, root.name, *here.relative_to(root).parts)
        files = sorted((name for name in files if not name.startswith(".")), key=_in_order)
        if any(_WHOLE_FOLDER.fullmatch(name) for name in files):
            yield _folder_item(here, parts, files, len(above))
        elif not files and not folders and _ITEM_FOLDER.fullmatch(here.name):
            yield Item(task_of(parts), Sample(_name(parts, len(above)), {}), "its folder is empty")
        else:
            for name in files:
                yield from _file_items(here / name, (*parts, name), len(above))


def _in_order(name: str) -> list[tuple[int, int, str]]:
    """sample_2 before sample_10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]{1,9})", name) if part]


def _name(parts: Sequence[str], above: int) -> str:
    return "/".join(parts[above:])


def _folder_item(folder: Path, parts: Sequence[str], names: Sequence[str], above: int) -> Item:
    contents: dict[str, str] = {}
    error = ""
    for name in names:
        if name.lower().endswith(_TEXT_FILES):
            try:
                contents[name] = _text(folder / name)
            except (OSError, ValueError) as failed:
                error = f"{name} cannot be read: {failed}"
    return Item(task_of(parts), Sample(_name(parts, above), contents), error)


def _text(path: Path) -> str:
    _check_size(path)
    return path.read_text(encoding="utf-8-sig", errors="replace")


def _file_items(path: Path, parts: Sequence[str], above: int) -> Iterator[Item]:
    suffix, name = path.suffix.lower(), _name(parts, above)
    if suffix not in _ROW_FILES:
        return
    try:
        rows, suite = _rows(path)
    except (OSError, ValueError, csv.Error) as error:
        yield Item(task_of(parts), Sample(name, {}), f"it cannot be read: {error}")
        return
    for number, row in enumerate(rows, 1):
        place = name if isinstance(rows, _Single) else f"{name}#{number}"
        yield _row_item(row, place, parts, suite)


class _Single(list[Any]):
    """The one row of a file that is one item."""


def _rows(path: Path) -> tuple[list[Any], str]:
    """The rows of a file, and the suite that its form gives away."""
    _check_size(path)
    if path.suffix.lower() == ".parquet":
        return list(records.parquet_rows(path)), ""
    if path.suffix.lower() == ".csv":
        csv.field_size_limit(MAX_FIELD)
        rows = list(csv.DictReader(io.StringIO(_text(path), newline="")))
        return list(rows), ""
    if path.suffix.lower() == ".json":
        value = _json(path)
        if isinstance(value, Mapping) and isinstance(value.get("examples"), list):
            return list(value["examples"]), BBH
        if isinstance(value, Mapping) and ("problem" in value or "question" in value):
            return _Single([value]), ""
    return records.json_rows(path), ""


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"it has {size / 2**20:.0f} MiB")


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error


def _row_item(row: Any, place: str, parts: Sequence[str], suite: str) -> Item:
    if not isinstance(row, Mapping):
        return Item(task_of(parts, suite), Sample(place, {}), "it is no row of named fields")
    suite = suite or suite_of(parts)
    task = _named_by(row, suite) or task_of(parts, suite)
    try:
        if records.is_conversation(row):
            talk = records.conversation(row)
            return Item(task, Sample(place, _fields(talk.question, talk.answer)))
        if records.is_reward(row):
            asked = records.reward(row)
            return Item(
                task or _named_by(asked.extra, suite), Sample(place, _fields(asked.question, asked.ground_truth))
            )
    except ValueError as error:
        return Item(task, Sample(place, {}), str(error))
    fields = {str(name): records.field_text(value) for name, value in row.items() if name and value is not None}
    return Item(task, Sample(place, fields))


def _fields(question: str, answer: str | None) -> dict[str, str]:
    """A question and its answer under every name that the readers of items look for."""
    fields = {"question": question, "input": question}
    if answer is not None:
        fields |= {"answer": answer, "target": answer, "solution": json.dumps(answer)}
    return fields


def _named_by(row: Mapping[str, Any], suite: str) -> str | None:
    for field in _NAMING:
        value = row.get(field)
        if isinstance(value, str):
            parts = value.split("/")
            task = task_of(parts, suite_of(parts) or suite)
            if task is not None:
                return task
    return None
