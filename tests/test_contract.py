"""What holds of the whole package: who imports whom, what stays light, how long functions get, what is documented."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "r1ci"
LONGEST_FUNCTION = 60
HEAVY = ("ray", "torch", "transformers", "vllm", "polars")

FOUNDATION = {"spec"}
LEAVES = {"tasks", "executors", "models", "rewards", "curriculum"}
MAY_IMPORT: dict[str, set[str]] = {
    "spec": set(),
    "plan": {"spec"},
    "store": {"spec", "plan"},
    "tasks": FOUNDATION,
    "executors": FOUNDATION,
    "models": FOUNDATION,
    "rewards": FOUNDATION,
    "curriculum": FOUNDATION,
    "engines": FOUNDATION | {"models"},
    "agents": FOUNDATION | {"models", "engines", "executors", "tasks"},
    "teachers": FOUNDATION | {"models", "agents", "engines", "executors", "tasks"},
    "train": FOUNDATION | LEAVES | {"engines", "agents", "teachers", "plan", "store"},
    "steps": FOUNDATION | LEAVES | {"engines", "agents", "teachers", "plan", "store", "train"},
    "launch": FOUNDATION | LEAVES | {"plan", "store", "steps", "train"},
    "report": {"spec", "store"},
    "cli": {"*"},
}
"""Rooms by the rooms they may import; ``errors``, ``cluster`` and ``__version__`` are everyone's."""


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "r1ci")


def _room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "r1ci" and len(parts) > 1 and parts[1] in MAY_IMPORT else None


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_only_what_the_design_allows(room: str) -> None:
    allowed = MAY_IMPORT[room]
    if "*" in allowed:
        return
    wrong = {
        f"{path.relative_to(REPOSITORY)} imports {module}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for module in _imports(ast.parse(path.read_text(encoding="utf-8")))
        if (other := _room(module)) is not None and other != room and other not in allowed
    }
    assert not wrong, "\n".join(sorted(wrong))


def test_every_room_of_the_package_is_in_the_contract() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(MAY_IMPORT)


def test_modules_outside_the_command_line_do_not_import_it() -> None:
    wrong = [
        str(path.relative_to(REPOSITORY))
        for path in _modules()
        if "cli" not in path.relative_to(PACKAGE).parts
        and path.name != "__main__.py"
        and any(_room(module) == "cli" for module in _imports(ast.parse(path.read_text(encoding="utf-8"))))
    ]
    assert not wrong


def test_no_function_is_longer_than_sixty_lines() -> None:
    long = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno} {node.name}: {lines} lines"
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert not long, "\n".join(long)


def test_every_room_has_a_page_that_the_index_names() -> None:
    index = (REPOSITORY / "docs" / "README.md").read_text(encoding="utf-8")
    missing = [room for room in MAY_IMPORT if not (REPOSITORY / "docs" / f"{room}.md").is_file()]
    unlisted = [room for room in MAY_IMPORT if f"({room}.md)" not in index]
    assert not missing, f"docs/ has no page for {missing}"
    assert not unlisted, f"docs/README.md does not name {unlisted}"


LIGHT_COMMANDS = {
    "help": ["--help"],
    "check": ["check", "{spec}"],
    "compile": ["compile", "{spec}"],
    "ls tasks": ["ls", "tasks"],
    "ls runs": ["ls", "runs"],
    "ls specs": ["ls", "specs"],
    "ls rewards": ["ls", "rewards"],
    "show objective": ["show", "grpo-r1ci"],
    "diff": ["diff", "{spec}", "{spec}"],
    "schema": ["schema", "spec"],
    "schema of sweeps": ["schema", "sweep"],
    "check a sweep": ["check", "{sweep}"],
    "sweep --dry-run": ["sweep", "{sweep}", "--dry-run"],
}


@pytest.mark.parametrize("arguments", LIGHT_COMMANDS.values(), ids=LIGHT_COMMANDS)
def test_light_commands_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    files = {"spec": _template(tmp_path), "sweep": _sweep(tmp_path)}
    assert _heavy_after([word.format(**files) for word in arguments], tmp_path) == set()


@pytest.mark.parametrize(
    "words", ["r1ci ", "r1ci check {spec} rl.", "r1ci show rg/", "r1ci resume ", "r1ci sweep x set.rl."]
)
def test_completion_imports_nothing_heavy(words: str, tmp_path: Path) -> None:
    typed = words.format(spec=_template(tmp_path))
    completing = {"_R1CI_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    assert _heavy_after([], tmp_path, completing) == set()


def _template(folder: Path) -> Path:
    spec = folder / "spec.yaml"
    spec.write_bytes((PACKAGE / "cli" / "template.yaml").read_bytes())
    return spec


def _sweep(folder: Path) -> Path:
    sweep = folder / "sweep.yaml"
    sweep.write_text(
        "sweep_version: 1\nname: s\nspec: spec.yaml\nspace: {rl.learning_rate: {kind: grid, values: [1e-6, 1e-5]}}\n"
        "metric: {name: accuracy/new_questions, mode: max}\nsearch: {kind: grid}\n",
        encoding="utf-8",
    )
    return sweep


_PROBE = """
import sys
from r1ci.cli.main import main
try:
    main()
except SystemExit as leaving:
    print("exit", leaving.code, file=sys.stderr)
print("modules", *sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def _heavy_after(arguments: list[str], folder: Path, environment: dict[str, str] | None = None) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    *rest, modules = done.stderr.rstrip().splitlines()
    assert "exit 0" in rest, done.stderr
    return set(modules.split()[1:]) & set(HEAVY)
