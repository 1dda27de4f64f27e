"""r1ci run: a spec from start to report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from r1ci.cli.compile import done_steps, planned, print_plan
from r1ci.cli.complete import complete_spec_words
from r1ci.cli.execute import apart_option, execute, finished, report_option
from r1ci.cli.runs import Run
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import load_spec, overlay_option, split_one
from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.plan.steps import Plan
    from r1ci.spec.load import Resolved

Exists = Literal["fail", "resume", "overwrite"]
exists_option = click.option(
    "--exists",
    type=click.Choice(["fail", "resume", "overwrite"]),
    default="fail",
    help="What to do about a run of that name that is unfinished or of another spec (default: fail).",
)


@click.command(
    cls=Verb, epilog="r1ci run quickstart\nr1ci run quickstart --seeds 0 rl.learning_rate=3e-4 --name faster"
)
@click.argument("words", metavar="SPEC [a.b=c ...]", nargs=-1, required=True, shell_complete=complete_spec_words)
@overlay_option
@click.option("--name", help="Name of the run, short for name=NAME.")
@click.option("--seeds", metavar="0,1,2", help="Seeds, short for seeds=[0,1,2].")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@exists_option
@report_option
@apart_option
@pass_settings
def command(
    settings: Settings,
    words: tuple[str, ...],
    overlays: tuple[Path, ...],
    name: str | None,
    seeds: str | None,
    dry_run: bool,
    exists: Exists,
    report: bool,
    apart: bool,
) -> int:
    """Run a spec: whatever the store does not have yet, then the report."""
    spec, overrides = split_one(words)
    short = [f"name={name}"] * (name is not None) + [f"seeds=[{seeds}]"] * (seeds is not None)
    resolved = load_spec(spec, [*overrides, *short], overlays)
    plan = planned(resolved, settings)
    if dry_run:
        print_plan(plan, settings)
        return 0
    run = Run(settings.root, resolved.experiment.name)
    if is_finished(run, plan, exists):
        return finished(run, settings, report=report)
    write_experiment(run, resolved, plan)
    return execute(plan, run, settings, report=report, apart=apart)


def is_finished(run: Run, plan: Plan, exists: Exists) -> bool:
    """Whether this very plan is done already.

    Raises:
        UsageError: a run of that name is unfinished or of another spec, and --exists does not say what to do.
    """
    if exists == "overwrite" or not (run.folder / "plan.json").exists():
        return False
    stored = run.read_json("plan.json")
    same = [step["id"] for step in stored["steps"]] == list(plan.steps)
    if not same:
        raise UsageError(
            f"{run.folder} was made from another spec",
            "choose another name with --name, or --exists overwrite (finished steps are kept and shared); "
            f"r1ci diff SPEC {run.folder} shows what differs",
        )
    if done_steps(plan, run.root) == set(plan.steps):
        return True
    if exists == "fail":
        raise UsageError(
            f"{run.folder} is unfinished",
            f"continue it with r1ci resume {run.folder}, or start over with --exists overwrite "
            "(finished steps are kept either way)",
        )
    return False


def write_experiment(run: Run, resolved: Resolved, plan: Plan) -> None:
    """Keep the spec, its resolved form and the plan in the store."""
    from r1ci.plan.compile import plan_to_json
    from r1ci.store.store import Store

    store = Store(run.root)
    store.write_experiment(run.name, text=resolved.text, resolved=resolved.data, plan=plan_to_json(plan))
