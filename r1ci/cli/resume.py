"""r1ci resume: continue a run or a sweep from its folder alone."""

from __future__ import annotations

import click

from r1ci.cli.compile import done_steps, print_plan
from r1ci.cli.complete import complete_run
from r1ci.cli.execute import apart_option, execute, finished, report_option
from r1ci.cli.runs import find_run, sweep_of
from r1ci.cli.settings import Settings, Verb, pass_settings


@click.command(cls=Verb, epilog="r1ci resume quickstart\nr1ci resume runs/sweeps/lr-kl --retry-failed")
@click.argument("name", metavar="RUN", shell_complete=complete_run)
@click.option("--dry-run", is_flag=True, help="Print the plan and what is done of it, and stop.")
@click.option("--retry-failed", is_flag=True, help="Run a sweep's failed trials again, from their checkpoints.")
@report_option
@apart_option
@pass_settings
def command(settings: Settings, name: str, dry_run: bool, retry_failed: bool, report: bool, apart: bool) -> int:
    """Continue a run or a sweep: its plan is read from its folder, finished steps are kept."""
    from r1ci.plan.compile import plan_from_json

    sweep = sweep_of(name, settings.root)
    if sweep is not None:
        from r1ci.cli.sweep_run import resume

        return resume(sweep, settings, dry_run=dry_run, retry_failed=retry_failed, report=report)
    run = find_run(name, settings.root)
    plan = plan_from_json(run.read_json("plan.json"))
    if dry_run:
        settings.root = run.root
        print_plan(plan, settings)
        return 0
    if done_steps(plan, run.root) == set(plan.steps):
        return finished(run, settings, report=report)
    return execute(plan, run, settings, report=report, apart=apart)
