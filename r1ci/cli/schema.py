"""r1ci schema: the language of specs, or of sweeps, as JSON Schema."""

from __future__ import annotations

from pathlib import Path

import click

from r1ci.cli.output import print_json
from r1ci.cli.settings import Settings, Verb, pass_settings


@click.command(cls=Verb, epilog="r1ci schema spec --out docs/schema/experiment.json")
@click.argument("what", type=click.Choice(["spec", "sweep"]), default="spec")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead of stdout.")
@pass_settings
def command(settings: Settings, what: str, out: Path | None) -> None:
    """Print the JSON Schema of specs or sweeps: editors complete and check with it."""
    import json

    from r1ci.spec.schema import json_schema, sweep_schema

    schema = sweep_schema() if what == "sweep" else json_schema()
    if out is None:
        print_json(schema)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if settings.json:
        print_json({"path": str(out)})
    else:
        click.echo(out)
