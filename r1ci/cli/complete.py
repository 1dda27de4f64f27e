"""What the shell offers after a tab: specs, runs, names and dotted keys. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from r1ci.cli.runs import run_names
from r1ci.cli.settings import Settings
from r1ci.cli.specs import list_reports, list_specs, list_sweeps


def complete_spec(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped specs, then the shell's own files."""
    found = _starting(map(str, list_specs()), incomplete)
    return found or [CompletionItem(incomplete, type="file")]


def complete_run(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Runs and sweeps in the store."""
    from r1ci.store.sweeps import sweep_names

    return _starting([*run_names(_root(ctx)), *sweep_names(_root(ctx))], incomplete)


def complete_report(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Runs and sweeps in the store and declared reports."""
    from r1ci.store.sweeps import sweep_names

    return _starting([*run_names(_root(ctx)), *sweep_names(_root(ctx)), *map(str, list_reports())], incomplete)


def complete_spec_or_run(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Specs and runs."""
    return _starting([*map(str, list_specs()), *run_names(_root(ctx))], incomplete)


def complete_spec_words(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A spec first, dotted keys after it."""
    if not ctx.params.get(parameter.name or ""):
        return complete_spec(ctx, parameter, incomplete)
    return complete_key(ctx, parameter, incomplete)


def complete_checked(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A spec, a sweep or a report file first, dotted keys after it."""
    if ctx.params.get(parameter.name or ""):
        return complete_key(ctx, parameter, incomplete)
    found = _starting(map(str, [*list_specs(), *list_sweeps(), *list_reports()]), incomplete)
    return found or [CompletionItem(incomplete, type="file")]


def complete_sweep_words(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A sweep first, keys of sweeps after it; ``set.`` goes on with the dotted keys of specs."""
    if not ctx.params.get(parameter.name or ""):
        found = _starting(map(str, list_sweeps()), incomplete)
        return found or [CompletionItem(incomplete, type="file")]
    from r1ci.spec.shape import value_keys
    from r1ci.spec.sweep.models import Sweep

    of_specs = (f"set.{key}=" for key in value_keys()) if incomplete.startswith("set.") else ()
    return _starting([*(f"{key}=" for key in value_keys(Sweep)), *of_specs], incomplete)


def complete_run_words(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A run first, dotted keys after it."""
    if not ctx.params.get(parameter.name or ""):
        return complete_run(ctx, parameter, incomplete)
    return complete_key(ctx, parameter, incomplete)


def complete_key(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Dotted keys of the language, ready for a value."""
    from r1ci.spec.shape import value_keys

    return _starting((f"{key}=" for key in value_keys()), incomplete)


def complete_name(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What ``show`` can describe: tasks, runs, steps and objectives."""
    from r1ci.spec.presets import OBJECTIVE_PRESETS
    from r1ci.tasks.registry import catalog

    root = _root(ctx)
    steps = [path.name for path in sorted((root / "steps").glob("*"))]
    return _starting([*(task.id for task in catalog()), *run_names(root), *OBJECTIVE_PRESETS, *steps], incomplete)


def complete_fetchable(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models that ship inside wheels."""
    from r1ci.spec.presets import MODEL_PRESETS

    return _starting((name for name, preset in MODEL_PRESETS.items() if preset["kind"] == "gguf"), incomplete)


def _starting(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _root(ctx: click.Context) -> Path:
    return ctx.ensure_object(Settings).root
