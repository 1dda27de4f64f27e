"""The registry: unknown names, plugins, entry points."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from r1ci.errors import UsageError
from r1ci.tasks import registry
from r1ci.tasks.base import Question, TaskInfo
from r1ci.tasks.validate import validate


@dataclass(frozen=True)
class Parity:
    id: str

    def question(self, index: int, seed: int) -> Question:
        return Question(self.id, index, f"Is {index} even?", "yes" if index % 2 == 0 else "no")

    def check(self, question: Question, answer_text: str) -> bool:
        return answer_text == question.answer

    def program(self, question: Question) -> str | None:
        return None


def parity(id: str, params: Mapping[str, Any]) -> Parity:
    return Parity(id)


INFO = TaskInfo("mine/parity", "mine", "train", __name__, "even or odd", False)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_registered", {})
    yield
    registry._load_entry_points.cache_clear()


def test_an_unknown_task_suggests_the_closest() -> None:
    with pytest.raises(UsageError) as caught:
        registry.get_task("rg/chainsum")
    assert (
        str(caught.value) == "unknown task 'rg/chainsum'\nhelp: did you mean rg/chain_sum or rg/decimal_chain_sum? "
        "r1ci ls tasks lists all of them"
    )
    with pytest.raises(UsageError, match="did you mean symbench/game24"):
        registry.get_task("game24")


def test_a_registered_task_is_in_the_catalogue_and_made_by_its_factory() -> None:
    registry.register(INFO, parity)
    assert registry.catalog()[-1] == INFO
    assert registry.vocabulary().tasks["mine/parity"] == "train"
    assert "mine/parity" not in registry.vocabulary().with_program
    assert registry.get_task("mine/parity").question(3, 0).answer == "no"


def test_registering_again_is_fine_but_taking_an_id_is_not() -> None:
    registry.register(INFO, parity)
    registry.register(INFO, parity)
    with pytest.raises(UsageError, match="already registered"):
        registry.register(INFO, lambda id, params: Parity(id))
    with pytest.raises(UsageError, match="already registered"):
        registry.register(TaskInfo("rg/gcd", "mine", "train", "", "", False), parity)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (TaskInfo("parity", "mine", "train", "", "", False), "not namespaced"),
        (TaskInfo("mine/parity", "mine", "dev", "", "", False), "train or test"),
    ],
)
def test_a_bad_id_or_split_is_refused(info: TaskInfo, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        registry.register(info, parity)


def test_plugins_register_when_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r1ci_test_plugin.py").write_text(
        "from r1ci.tasks.base import TaskInfo\nfrom r1ci.tasks.registry import register\n"
        "register(TaskInfo('plug/in', 'plug', 'test', __name__, 'a task', False), lambda id, params: None)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.load_plugins(["r1ci_test_plugin"])
    del sys.modules["r1ci_test_plugin"]
    assert registry.task_info("plug/in").split == "test"


def test_a_plugin_that_cannot_be_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r1ci_broken_plugin.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="cannot import r1ci_broken_plugin: ZeroDivisionError"):
        registry.load_plugins(["r1ci_broken_plugin"])
    with pytest.raises(UsageError, match="cannot import r1ci_absent_plugin: ModuleNotFoundError"):
        registry.load_plugins(["r1ci_absent_plugin"])


def test_entry_points_are_loaded_once_and_a_broken_one_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        def __init__(self, name: str) -> None:
            self.name = self.value = name

        def load(self) -> None:
            if self.name == "broken":
                raise RuntimeError("no")
            registry.register(INFO, parity)

    registry._load_entry_points.cache_clear()
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Point("broken"), Point("good")])
    with pytest.warns(RuntimeWarning, match="entry point broken"):
        infos = registry.catalog()
    assert INFO in infos
    assert registry.catalog() == infos


def test_the_example_in_the_documentation_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")
    (tmp_path / "parity_tasks.py").write_text(page.split("```python\n")[1].split("```")[0], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.load_plugins(["parity_tasks"])
    del sys.modules["parity_tasks"]
    report = validate(registry.get_task("mine/parity", {"digits": 6}), registry.task_info("mine/parity"), 10)
    assert report.ok, report.faults
