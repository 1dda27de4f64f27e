"""r1ci ls: what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from r1ci.cli.output import print_json, print_table
from r1ci.cli.settings import Settings, Verb, pass_settings

Row = dict[str, Any]


def _specs(settings: Settings) -> list[Row]:
    from r1ci.cli.specs import list_specs, load_spec
    from r1ci.errors import R1ciError

    rows: list[Row] = []
    for path in list_specs():
        try:
            experiment = load_spec(str(path)).experiment
        except R1ciError:
            rows.append(
                {
                    "spec": str(path),
                    "models": [],
                    "variants": [],
                    "seeds": [],
                    "about": f"does not load: r1ci check {path}",
                }
            )
            continue
        rows.append(
            {
                "spec": str(path),
                "models": [model.name for model in experiment.models],
                "variants": list(experiment.variants),
                "seeds": list(experiment.seeds),
                "about": experiment.description,
            }
        )
    return rows


def _runs(settings: Settings) -> list[Row]:
    from r1ci.cli.runs import Run, run_names
    from r1ci.cli.state import run_row

    return [run_row(Run(settings.root, name)) for name in run_names(settings.root)]


def _sweeps(settings: Settings) -> list[Row]:
    from r1ci.cli.state import sweep_row
    from r1ci.store.sweeps import SweepFolder, sweep_names

    return [sweep_row(SweepFolder(settings.root, name)) for name in sweep_names(settings.root)]


def _tasks(settings: Settings) -> list[Row]:
    from r1ci.tasks.registry import catalog

    return [
        {
            "task": task.id,
            "split": task.split,
            "source": task.source,
            "program": task.has_program,
            "about": task.summary,
        }
        for task in catalog()
    ]


def _algos(settings: Settings) -> list[Row]:
    from r1ci.spec.presets import OBJECTIVE_PRESETS

    return [{"preset": name, **choices} for name, choices in OBJECTIVE_PRESETS.items()]


def _rewards(settings: Settings) -> list[Row]:
    from typing import get_args

    from r1ci.spec.models import RewardSpec

    union = get_args(RewardSpec)[0]
    return [_section_row("reward", section) for section in get_args(union)]


def _section_row(noun: str, section: Any) -> Row:
    fields = section.model_fields
    defaults = {name: field.default for name, field in fields.items() if name != "kind"}
    about = " ".join((section.__doc__ or "").split())
    return {noun: fields["kind"].default, "defaults": defaults, "about": about}


def _agents(settings: Settings) -> list[Row]:
    from r1ci.spec.models import AgentSpec

    described = " ".join((AgentSpec.model_fields["kind"].description or "").split()).rstrip(".")
    pairs = (part.partition(": ") for part in described.split("; "))
    return [{"agent": name, "about": about} for name, _, about in pairs]


LISTERS: Mapping[str, Callable[[Settings], list[Row]]] = {
    "specs": _specs,
    "runs": _runs,
    "sweeps": _sweeps,
    "tasks": _tasks,
    "algos": _algos,
    "rewards": _rewards,
    "agents": _agents,
}


@click.command(cls=Verb, epilog="r1ci ls tasks\nr1ci ls runs --json")
@click.argument("what", metavar="WHAT", type=click.Choice(list(LISTERS)))
@pass_settings
def command(settings: Settings, what: str) -> None:
    """List specs, runs, sweeps, tasks, algos (objective presets), rewards or agents."""
    rows = LISTERS[what](settings)
    if settings.json:
        print_json(rows)
    elif rows:
        print_table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows], settings)
    else:
        where = f" in {settings.root}" if what in ("runs", "sweeps") else ""
        click.echo(f"no {what}{where}", err=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" for key, item in value.items())
    return str(value)
