"""r1ci new: copy a spec to edit."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import click

from r1ci.cli.complete import complete_spec
from r1ci.cli.output import print_json
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import SPECS, find_spec
from r1ci.errors import UsageError

_NAME = re.compile(r"^name:.*$", re.MULTILINE)


@click.command(cls=Verb, epilog="r1ci new spec my-idea\nr1ci new spec my-idea --from quickstart")
@click.argument("what", type=click.Choice(["spec"]))
@click.argument("name")
@click.option(
    "--from", "source", shell_complete=complete_spec, help="Spec to copy (default: a short one that runs anywhere)."
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write (default: specs/NAME.yaml).")
@pass_settings
def command(settings: Settings, what: str, name: str, source: str | None, out: Path | None) -> None:
    """Write a spec called NAME, copied from another, ready to edit and run."""
    name = name.removesuffix(".yaml")
    target = out or SPECS / f"{name}.yaml"
    if target.exists():
        raise UsageError(f"{target} exists", "choose another NAME, or --out FILE")
    text = renamed(_source_text(source), name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    if settings.json:
        print_json({"path": str(target)})
    else:
        click.echo(target)


def renamed(text: str, name: str) -> str:
    """The text of a spec under another name, everything else as it was written."""
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]*", name):
        raise UsageError(
            f"'{name}' cannot name a spec", "use letters, digits, '.', '_' and '-', a letter or digit first"
        )
    if not _NAME.search(text):
        return f"name: {json.dumps(name)}\n{text}"
    return _NAME.sub(lambda match: f"name: {json.dumps(name) if name[0].isdigit() else name}", text, count=1)


def _source_text(source: str | None) -> str:
    if source is None:
        return resources.files("r1ci.cli").joinpath("template.yaml").read_text(encoding="utf-8")
    path = find_spec(source)
    if not path.is_file():
        raise UsageError(f"no spec {path}", "r1ci ls specs lists them")
    return path.read_text(encoding="utf-8")
