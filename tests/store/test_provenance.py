"""Where results come from."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import r1ci
from r1ci.plan.steps import Step
from r1ci.store import provenance as module
from r1ci.store.provenance import packages, provenance

STEP = Step("sft", {"seed": 7}, {})


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small git checkout that r1ci seems to run from."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    package = tmp_path / "r1ci"
    package.mkdir()
    (package / "__init__.py").write_text("first\n")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.hooksPath=/dev/null"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setattr(module.r1ci, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr(module, "git", module.git.__wrapped__)
    return tmp_path


def test_a_record_is_plain_json_with_seed_command_and_machine() -> None:
    record = json.loads(json.dumps(provenance(STEP, 3)))
    assert (record["step"], record["attempt"], record["seed"]) == (STEP.id, 3, 7)
    assert record["python"] == platform.python_version()
    assert record["machine"]["cores"] >= 1
    assert record["machine"]["memory_mb"] > 0
    assert {"driver", "cuda"} <= record["machine"].keys()
    assert record["command"]
    assert record["started"].endswith("+00:00")


def test_versions_are_those_of_the_installed_direct_dependencies() -> None:
    found = packages()
    assert found["r1ci"] == r1ci.__version__
    assert found["pydantic"] == importlib.metadata.version("pydantic")
    assert "pluggy" not in found


def test_a_clean_checkout_is_named_by_its_commit(checkout: Path) -> None:
    git = module.git()
    assert git is not None
    assert len(git["commit"]) == 40
    assert git["branch"]
    assert (git["dirty"], git["diff"], git["untracked"]) == (False, "", [])


def test_a_dirty_checkout_keeps_its_diff_and_names_new_files(checkout: Path) -> None:
    (checkout / "r1ci" / "__init__.py").write_text("second\n")
    (checkout / "new.py").write_text("")
    git = module.git()
    assert git is not None
    assert git["dirty"]
    assert "+second" in git["diff"]
    assert git["untracked"] == ["new.py"]
    assert not git["diff_truncated"]


def test_a_long_diff_is_cut_and_says_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DIFF_BYTES", 50)
    (checkout / "r1ci" / "__init__.py").write_text("x" * 500)
    git = module.git()
    assert git is not None
    assert len(git["diff"]) == 50
    assert git["diff_truncated"]
    assert git["diff_bytes"] > 500


def test_an_installed_package_inside_someone_elses_checkout_has_no_commit(checkout: Path) -> None:
    subprocess.run(["git", "rm", "-q", "--cached", "r1ci/__init__.py"], cwd=checkout, check=True)
    assert module.git() is None


def test_without_git_there_is_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert module.git() is None


def test_a_record_does_not_load_torch() -> None:
    code = (
        "import sys; from r1ci.plan.steps import Step; from r1ci.store.provenance import provenance; "
        "provenance(Step('sft', {}, {}), 1); print({'torch', 'ray', 'polars'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "set()", run.stderr
