"""The real command line in this process, over fake steps and a fake report."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from r1ci.cli.main import main
from r1ci.errors import R1ciError
from r1ci.plan.context import Progress, StepContext


@dataclass(frozen=True)
class Result:
    """What one command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout as one JSON document."""
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Cli = Callable[..., Result]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for variable in ("R1CI_ROOT", "R1CI_DEBUG", "R1CI_SET", "NO_COLOR"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments: str | Path) -> Result:
        with pytest.raises(SystemExit) as leaving:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        code = leaving.value.code
        assert isinstance(code, int)
        return Result(code, said.out, said.err)

    return run


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A small spec called ``small`` with two variants and one seed."""
    text = resources.files("r1ci.cli").joinpath("template.yaml").read_text(encoding="utf-8")
    path = tmp_path / "small.yaml"
    path.write_text(text.replace("name: template", "name: small").replace("seeds: [0, 1, 2]", "seeds: [0]"))
    return path


@dataclass
class Steps:
    """Steps that write one file each; those whose kind (or id) is in ``broken`` raise instead."""

    ran: list[str] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)

    def __call__(self, context: StepContext) -> None:
        error = self.broken.get(context.step.kind) or self.broken.get(context.step.id)
        if error is not None:
            raise error
        context.progress(Progress(1, 2, "half"))
        (context.folder / "output.txt").write_text(context.step.kind)
        self.ran.append(context.step.kind)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Fake steps and a fake report in place of the real ones."""
    import r1ci.steps

    fake = Steps()
    monkeypatch.setattr(r1ci.steps, "run_step", fake, raising=False)
    report = types.ModuleType("r1ci.report.build")
    report.build = _build  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "r1ci.report.build", report)
    return fake


def _build(
    root: Path,
    experiments: Sequence[str],
    out: Path,
    *,
    baseline: str | None = None,
    layout: Any = None,
    now: Any,
    reload_s: int | None = None,
) -> Any:
    if baseline == "nobody":
        raise R1ciError("no variant 'nobody'", "variants: curriculum, plain")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(" ".join(experiments))
    if layout is not None:
        out.with_name("layout.json").write_text(layout.model_dump_json())
    out.with_name("live.json").write_text(json.dumps(reload_s))
    return types.SimpleNamespace(html=out, json=out.with_suffix(".json"))
