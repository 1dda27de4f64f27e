"""r1ci diff: differing keys of two specs or runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from r1ci.cli.complete import complete_spec_or_run
from r1ci.cli.output import print_json, print_table
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import find_spec, load_spec


@click.command(cls=Verb, epilog="r1ci diff specs/laptop.yaml specs/quickstart.yaml")
@click.argument("a", shell_complete=complete_spec_or_run)
@click.argument("b", shell_complete=complete_spec_or_run)
@click.option("--md", is_flag=True, help="A Markdown table.")
@pass_settings
def command(settings: Settings, a: str, b: str, md: bool) -> None:
    """Show the keys in which two specs or runs differ, every default spelled out."""
    from r1ci.spec.diff import diff

    differing = diff(_resolved(a, settings.root), _resolved(b, settings.root))
    if settings.json:
        print_json([_document(*each) for each in differing])
    elif md:
        click.echo(f"| key | {a} | {b} |\n|---|---|---|")
        for key, left, right in differing:
            click.echo(f"| `{key}` | {_markdown(left)} | {_markdown(right)} |")
    elif differing:
        print_table(("key", a, b), [(key, _shown(left), _shown(right)) for key, left, right in differing], settings)
    else:
        click.echo("no difference")


def _resolved(name: str, root: Path) -> Mapping[str, Any]:
    from r1ci.cli.runs import find_run, run_names

    is_run = Path(name).is_dir() or (name in run_names(root) and not find_spec(name).exists())
    if is_run:
        return dict(find_run(name, root).read_json("resolved.json"))
    return load_spec(name).data


def _document(key: str, left: Any, right: Any) -> dict[str, Any]:
    from r1ci.spec.diff import ABSENT

    sides = {"a": left, "b": right}
    return {"key": key, **{side: value for side, value in sides.items() if value is not ABSENT}}


def _shown(value: Any) -> str:
    from r1ci.spec.diff import ABSENT

    return "(absent)" if value is ABSENT else json.dumps(value, ensure_ascii=False)


def _markdown(value: Any) -> str:
    return f"`{_shown(value)}`".replace("|", "\\|")
