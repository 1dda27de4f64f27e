"""A folder to write specs in, where messages name files as a user would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from r1ci.spec.diagnostics import Diagnostic, SpecError
from r1ci.spec.load import Resolved, load
from r1ci.spec.vocabulary import Vocabulary

HEAD = "spec_version: 1\nname: test\nmodels: [tiny]\n"

Load = Callable[..., Resolved]
Refuse = Callable[..., tuple[Diagnostic, ...]]


@pytest.fixture(name="known")
def _known() -> Vocabulary:
    tasks = {"rg/gcd": "train", "rg/lcm": "train", "rg/word_sorting": "train", "rg/count_bits": "test"}
    return Vocabulary({**tasks, "bbh/word_sorting": "test"}, frozenset({"rg/gcd", "rg/lcm", "rg/count_bits"}))


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(name="load_text")
def _load_text(folder: Path) -> Load:
    """Load a spec from its text; the required keys are put before it unless it has them."""

    def load_text(
        text: str = "",
        overrides: Sequence[str] = (),
        *,
        files: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Resolved:
        for name, content in (files or {}).items():
            (folder / name).write_text(content, encoding="utf-8")
        whole = text if "spec_version" in text else HEAD + text
        (folder / "spec.yaml").write_text(whole, encoding="utf-8")
        return load(Path("spec.yaml"), overrides=overrides, **options)

    return load_text


@pytest.fixture(name="refuse")
def _refuse(load_text: Load) -> Refuse:
    """What is wrong with a spec."""

    def refuse(*arguments: Any, **options: Any) -> tuple[Diagnostic, ...]:
        with pytest.raises(SpecError) as caught:
            load_text(*arguments, **options)
        return caught.value.diagnostics

    return refuse
