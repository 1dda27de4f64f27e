"""A micro experiment through the real command line: every step kind, two variants, in well under a minute."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from commands import SPEC, r1ci


@pytest.fixture(scope="session")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "micro.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture(scope="session")
def finished(spec: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a run that nothing interrupted; report.html beside it."""
    folder = tmp_path_factory.mktemp("finished")
    done = r1ci(folder / "runs", "run", str(spec), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder
