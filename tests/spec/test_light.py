"""The language is light: reading a spec imports no other room and nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys
from pathlib import Path
from r1ci.spec.load import load
from r1ci.spec.lint import lint
from r1ci.spec.vocabulary import Vocabulary
lint(load(Path("specs/quickstart.yaml")), Vocabulary({}))
print(*{name.split(".")[0] for name in sys.modules}, *{name for name in sys.modules if name.startswith("r1ci.")})
"""


def test_loading_a_spec_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert modules.isdisjoint({"ray", "torch", "transformers", "vllm", "polars", "numpy", "rich", "omegaconf"})
    rooms = {name.split(".")[1] for name in modules if name.startswith("r1ci.")}
    assert rooms <= {"spec", "errors"}
