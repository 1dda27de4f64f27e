"""r1ci compile: the plan of a spec."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from r1ci.cli.complete import complete_spec_words
from r1ci.cli.failure import SCHEMA_VERSION, print_diagnostics
from r1ci.cli.output import print_json
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import known_names, load_spec, overlay_option, split_one

if TYPE_CHECKING:
    from r1ci.plan.steps import Plan
    from r1ci.spec.load import Resolved


@click.command(cls=Verb, epilog="r1ci compile quickstart seeds=[0]\nr1ci compile quickstart --explain")
@click.argument("words", metavar="SPEC [a.b=c ...]", nargs=-1, required=True, shell_complete=complete_spec_words)
@overlay_option
@click.option("--explain", is_flag=True, help="Also print formulas, and where each value is from.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for plan.json and resolved.json.")
@pass_settings
def command(
    settings: Settings, words: tuple[str, ...], overlays: tuple[Path, ...], explain: bool, out: Path | None
) -> None:
    """Print what a spec would run: steps, ids, cost, and what is already done."""
    name, overrides = split_one(words)
    resolved = load_spec(name, overrides, overlays)
    plan = planned(resolved, settings)
    if out is not None:
        _write(resolved, plan, out)
    print_plan(plan, settings, origins(resolved) if explain else None)


def planned(resolved: Resolved, settings: Settings) -> Plan:
    """The plan of a spec that the linter lets pass; its warnings go to stderr.

    Raises:
        SpecError: the linter found an error, or a step does not fit on its GPUs.
    """
    from r1ci.plan.compile import compile_plan
    from r1ci.spec.diagnostics import SpecError
    from r1ci.spec.lint import lint

    known = known_names()
    findings = lint(resolved, known)
    if any(finding.severity == "error" for finding in findings):
        raise SpecError(findings)
    if settings.verbosity >= 0:
        print_diagnostics(findings, settings)
    return compile_plan(resolved, known)


def print_plan(plan: Plan, settings: Settings, explain: Sequence[Mapping[str, Any]] | None = None) -> None:
    """A plan for people, or whole as JSON."""
    from r1ci.plan.compile import plan_to_json
    from r1ci.plan.render import render

    done = done_steps(plan, settings.root)
    if settings.json:
        document = {"schema_version": SCHEMA_VERSION, **plan_to_json(plan), "done": sorted(done)}
        print_json(document if explain is None else {**document, "explain": explain})
        return
    lines = None if explain is None else {row["key"]: f"{_json(row['value'])}  # {row['from']}" for row in explain}
    click.echo(render(plan, done, explain=lines), nl=False)


def done_steps(plan: Plan, root: Path) -> set[str]:
    """The steps of a plan that the store already has; damaged ones are not among them."""
    from r1ci.store.store import Condition, Store

    store = Store(root)
    return {step for step in plan.steps if store.condition(step) is Condition.DONE}


def origins(resolved: Resolved) -> list[dict[str, Any]]:
    """Every value of a spec with the place it comes from."""
    from r1ci.spec.diff import flatten

    rows = flatten(resolved.data)
    return [{"key": key, "value": value, "from": str(resolved.origins.get(key, "default"))} for key, value in rows]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write(resolved: Resolved, plan: Plan, out: Path) -> None:
    from r1ci.plan.compile import plan_to_json

    documents: dict[str, Any] = {"plan.json": plan_to_json(plan), "resolved.json": resolved.data}
    out.mkdir(parents=True, exist_ok=True)
    for file, document in documents.items():
        (out / file).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
