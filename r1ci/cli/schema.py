"""r1ci schema: the language of specs, sweeps or report files, or a report's JSON twin, as JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from r1ci.cli.output import print_json
from r1ci.cli.settings import Settings, Verb, pass_settings

SCHEMAS = ("spec", "sweep", "report", "twin")


@click.command(cls=Verb, epilog="r1ci schema spec --out docs/schema/experiment.json")
@click.argument("what", type=click.Choice(SCHEMAS), default="spec")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead of stdout.")
@pass_settings
def command(settings: Settings, what: str, out: Path | None) -> None:
    """Print the JSON Schema of specs, sweeps, report files, or of what a report's index.json holds."""
    import json

    schema = _schema(what)
    if out is None:
        print_json(schema)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if settings.json:
        print_json({"path": str(out)})
    else:
        click.echo(out)


def _schema(what: str) -> dict[str, Any]:
    if what == "twin":
        from r1ci.report.twin import twin_schema

        return twin_schema()
    from r1ci.spec.schema import json_schema, report_schema, sweep_schema

    return {"spec": json_schema, "sweep": sweep_schema, "report": report_schema}[what]()
