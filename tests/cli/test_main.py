"""Verbs, global flags, help, and how errors leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from r1ci import __version__
from r1ci.cli.main import VERBS
from r1ci.cli.main import cli as group


def test_help_lists_every_verb(cli: Any, snapshot: SnapshotAssertion) -> None:
    result = cli("--help")
    assert result.code == 0
    assert result.out == snapshot
    assert cli("-h").out == result.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(cli: Any, verb: str, snapshot: SnapshotAssertion) -> None:
    result = cli(verb, "-h")
    assert result.code == 0
    assert result.out == snapshot
    assert group.get_command(None, verb) is not None  # type: ignore[arg-type]


def test_version(cli: Any) -> None:
    assert cli("--version").out == f"r1ci {__version__}\n"


def test_no_verb_shows_the_help_and_is_a_usage_error(cli: Any) -> None:
    result = cli()
    assert result.code == 2
    assert "Verbs:" in result.err
    assert result.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chek"], "error: no verb 'chek'\nhelp: did you mean 'check'?"),
        (["zzz"], "error: no verb 'zzz'\nhelp: verbs: check, compile"),
        (["ls"], "error: missing argument 'WHAT'"),
        (["ls", "task"], "error: invalid value for 'WHAT': 'task' is not one of 'specs', 'runs'"),
        (["ls", "tasks", "--rooot", "x"], "error: no such option '--rooot'"),
        (["compile", "a.yaml", "b.yaml"], "error: expected one SPEC, found 2: a.yaml, b.yaml"),
        (["compile", "a.b=1"], "error: SPEC is missing"),
        (["show", "a", "b", "c"], "error: expected [task|run|sweep|step|objective] NAME, found a b c"),
        (["show", "rg/gdc"], "error: nothing is called 'rg/gdc'\nhelp: did you mean rg/gcd"),
        (["show", "gcd"], "error: nothing is called 'gcd'\nhelp: did you mean rg/gcd"),
        (["resume", "nothing"], "error: no run 'nothing' in runs\nhelp: runs holds no runs yet"),
        (["models", "get", "nothing"], "error: "),
    ],
)
def test_usage_errors_say_what_to_do(cli: Any, arguments: list[str], message: str) -> None:
    result = cli(*arguments)
    assert result.code == 2
    assert result.err.startswith(message)
    assert "Traceback" not in result.err
    assert result.out == ""


@pytest.mark.parametrize("arguments", [["--json", "chek"], ["ls", "nothing", "--json"], ["check", "--bogus", "--json"]])
def test_errors_are_json_where_results_would_be(cli: Any, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert result.code == 2
    assert result.json["ok"] is False
    assert result.json["error"]["code"] == 2
    assert result.json["error"]["kind"] == "UsageError"
    assert result.err == ""


@pytest.mark.parametrize("place", ["before", "after"])
def test_global_flags_stand_before_or_after_the_verb(cli: Any, place: str) -> None:
    arguments = ["--json", "ls", "rewards"] if place == "before" else ["ls", "rewards", "--json"]
    assert [row["reward"] for row in cli(*arguments).json] == ["correctness", "format", "turn_limit"]


def test_an_empty_list_is_a_list(cli: Any) -> None:
    assert cli("ls", "runs", "--json").json == []
    assert cli("ls", "runs").out == ""


def test_the_store_is_named_by_the_flag_or_the_environment(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R1CI_ROOT", "elsewhere")
    assert "in elsewhere" in cli("resume", "x").err
    assert "in here" in cli("resume", "x", "--root", "here").err


@pytest.mark.parametrize(("color", "colored"), [("always", True), ("never", False), ("auto", False)])
def test_colour_follows_the_flag(cli: Any, color: str, colored: bool) -> None:
    assert ("\x1b[" in cli("--color", color, "show", "nothing-like-it").err) is colored


def test_a_bug_is_said_to_be_one_and_shows_its_traceback_on_demand(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(settings: object) -> None:
        raise KeyError("lost")

    import r1ci.cli.ls

    monkeypatch.setattr(r1ci.cli.ls, "LISTERS", {"tasks": broken})
    result = cli("ls", "tasks")
    assert result.code == 1
    assert result.err.startswith("error: unexpected KeyError: 'lost'\nhelp: this is a bug in r1ci")
    assert "Traceback" not in result.err
    assert "Traceback" in cli("--debug", "ls", "tasks").err
    monkeypatch.setenv("R1CI_DEBUG", "1")
    assert "Traceback" in cli("ls", "tasks").err


def test_a_full_disk_is_one_clear_error(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    import r1ci.cli.ls

    def full(settings: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/steps/x")

    monkeypatch.setattr(r1ci.cli.ls, "LISTERS", {"tasks": full})
    result = cli("ls", "tasks")
    assert result.code == 1
    assert result.err == (
        "error: No space left on device (runs/steps/x)\nhelp: free some space and run again: finished steps are kept\n"
    )


def _start(*arguments: str, before: str = "") -> subprocess.Popen[str]:
    script = f"{before}\nfrom r1ci.cli.main import main\nmain({list(arguments)!r})"
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def test_ctrl_c_leaves_with_130() -> None:
    wait = "import r1ci.cli.ls as ls, time\nls.LISTERS['tasks'] = lambda _: (print('up', flush=True), time.sleep(60))"
    process = _start("ls", "tasks", before=wait)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == "interrupted"


def test_a_reader_that_goes_away_leaves_141() -> None:
    process = _start("ls", "tasks")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.wait(timeout=30) == 141
    assert err == ""
