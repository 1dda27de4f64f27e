"""From the words on the command line to a resolved spec."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.spec.load import Resolved
    from r1ci.spec.sweep.resolved import ResolvedSweep
    from r1ci.spec.vocabulary import Vocabulary

SPECS = Path("specs")
"""Where shipped specs lie, relative to the working directory."""
SWEEPS = Path("sweeps")
"""Where shipped sweeps lie."""
DECLARED = Path("reports")
"""Where declared reports lie."""


overlay_option = click.option(
    "-f",
    "--overlay",
    "overlays",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Spec laid over this one; may be repeated, later ones win.",
)


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Specs and overrides: an override holds a ``=`` or starts with ``~``, unless a file has that very name."""
    overrides = [word for word in words if ("=" in word or word.startswith("~")) and not Path(word).exists()]
    return [word for word in words if word not in overrides], overrides


def split_one(words: Sequence[str], what: str = "SPEC") -> tuple[str, list[str]]:
    """Exactly one spec (or run) and its overrides.

    Raises:
        UsageError: there is none, or more than one.
    """
    names, overrides = split(words)
    if len(names) == 1:
        return names[0], overrides
    if not names:
        raise UsageError(f"{what} is missing", "it comes first, overrides after it")
    raise UsageError(f"expected one {what}, found {len(names)}: {', '.join(names)}", "an override is written key=value")


def find_spec(name: str) -> Path:
    """The path of a spec; a bare name stands for ``specs/NAME.yaml``."""
    path = Path(name)
    short = SPECS / f"{name}.yaml"
    return short if not path.exists() and path.suffix not in (".yaml", ".yml") and short.exists() else path


def load_spec(name: str, overrides: Sequence[str] = (), overlays: Sequence[Path] = ()) -> Resolved:
    """Load a spec with everything the command line lays over it, and import the plugins it names.

    Raises:
        SpecError: with every error in it.
        UsageError: a plugin cannot be imported.
    """
    from r1ci.spec.load import load
    from r1ci.tasks.registry import load_plugins

    resolved = load(find_spec(name), overlays=overlays, overrides=overrides, environ=os.environ)
    load_plugins(resolved.experiment.plugins)
    return resolved


def find_sweep(name: str) -> Path:
    """The path of a sweep; a bare name stands for ``sweeps/NAME.yaml``."""
    path = Path(name)
    short = SWEEPS / f"{name}.yaml"
    return short if not path.exists() and path.suffix not in (".yaml", ".yml") and short.exists() else path


def is_sweep(name: str) -> bool:
    """Whether a file is a sweep: it has a key that only sweeps have. A bare name is a spec's."""
    return _says(name, "sweep_version", "space")


def _says(name: str, *keys: str) -> bool:
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return re.search(rf"^({'|'.join(keys)})\s*:", text, re.MULTILINE) is not None


def load_sweep_file(name: str, overrides: Sequence[str] = ()) -> ResolvedSweep:
    """Load a sweep with its specs, and import the plugins that these name.

    Raises:
        SpecError: with every error in it.
        UsageError: a plugin cannot be imported.
    """
    from r1ci.spec.sweep.load import load_sweep
    from r1ci.tasks.registry import load_plugins

    resolved = load_sweep(find_sweep(name), environ=os.environ, overrides=overrides)
    for base in resolved.bases.values():
        load_plugins(base.experiment.plugins)
    return resolved


def find_report(name: str) -> Path | None:
    """The path of a declared report; a bare name stands for ``reports/NAME.yaml``. None where it is no such file."""
    path, short = Path(name), DECLARED / f"{name}.yaml"
    if path.suffix in (".yaml", ".yml"):
        return path
    return short if not path.exists() and short.exists() else None


def is_report(name: str) -> bool:
    """Whether a file is a declared report: it has a key that only reports have. A bare name is a spec's."""
    return _says(name, "report_version", "runs")


def known_names() -> Vocabulary:
    """The names that specs may use, those of loaded plugins included."""
    from r1ci.tasks.registry import vocabulary

    return vocabulary()


def list_specs() -> list[Path]:
    """Shipped specs below the working directory."""
    return sorted(SPECS.glob("**/*.yaml"))


def list_sweeps() -> list[Path]:
    """Shipped sweeps below the working directory."""
    return sorted(SWEEPS.glob("**/*.yaml"))


def list_reports() -> list[Path]:
    """Declared reports below the working directory, without what was made from them."""
    return sorted(DECLARED.glob("*.yaml"))
