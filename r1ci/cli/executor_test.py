"""r1ci executor test: hold an executor to the conformance suite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from r1ci.cli.failure import SCHEMA_VERSION
from r1ci.cli.output import note, print_json, print_table
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.executors.conformance.case import Case
    from r1ci.executors.conformance.soak import Soak
    from r1ci.executors.conformance.suite import Result
    from r1ci.executors.conformance.target import Target

EXAMPLES = """\
r1ci executor test
r1ci executor test --isolation landlock --only 'files/*'
r1ci executor test http://127.0.0.1:8080
r1ci executor test specs/quickstart.yaml --soak 10000 --markdown conformance.md"""
_LEVELS = ("strict", "namespaces", "landlock", "rlimits")


@click.command("test", cls=Verb, epilog=EXAMPLES)
@click.argument("what", metavar="[KIND|URL|SPEC]", default="local")
@click.option(
    "--isolation", type=click.Choice(_LEVELS), help="Level that is required; the local executor gives no more."
)
@click.option("--only", metavar="GLOB", default="*", help="Cases by name, group or group/name.")
@click.option(
    "--soak", "runs", metavar="N", type=click.IntRange(0), default=0, help="Then so many tiny programs at once."
)
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write the result as a page too.")
@pass_settings
def command(settings: Settings, what: str, isolation: str | None, only: str, runs: int, markdown: Path | None) -> int:
    """Run hostile and odd programs and count what they leave.

    Give a kind (local, ray, docker), the name of a plug-in, the URL of a server (its token comes from
    R1CI_EXECUTOR_TOKEN) or a spec, whose executor is tested. Limits are the suite's own. Exit code 1 if a case fails.
    """
    from r1ci.executors.conformance import table
    from r1ci.executors.conformance.suite import select

    chosen = _target(what, isolation)
    cases = select(only)
    if not cases:
        raise UsageError(
            f"--only {only}: no case, group or group/name is like that", "see docs/executor-conformance.md"
        )
    results, soaked = asyncio.run(_run(chosen, cases, runs, _progress(settings, len(cases))))
    if markdown is not None:
        markdown.write_text(table.as_markdown(chosen.name, results, soaked), encoding="utf-8")
    document = table.as_json(chosen.name, results, soaked)
    if settings.json:
        print_json({"schema_version": SCHEMA_VERSION, **document})
    else:
        _print(chosen.name, results, soaked, settings)
    return 0 if document["ok"] else 1


def _target(what: str, isolation: str | None) -> Target:
    from r1ci.executors.conformance.target import named, target

    spec = named(what)
    if spec is None:
        from r1ci.cli.specs import load_spec

        spec = load_spec(what).experiment.executor
    return target(what, spec, isolation)


async def _run(
    target: Target, cases: list[Case], runs: int, tell: Callable[[Result], None]
) -> tuple[list[Result], Soak | None]:
    from r1ci.executors.conformance.case import Setting
    from r1ci.executors.conformance.soak import soak
    from r1ci.executors.conformance.suite import run_suite

    results = await run_suite(target.make, cases, local=target.local, tell=tell)
    executor = target.make(Setting.PLAIN) if runs else None
    if executor is None:
        return results, None
    try:
        return results, await soak(executor, runs)
    finally:
        await executor.close()


def _progress(settings: Settings, total: int) -> Callable[[Result], None]:
    """Say on stderr what fails as it fails; with -v, every case."""

    def tell(result: Result) -> None:
        if result.verdict == "failed" or settings.verbosity > 0:
            note(f"{result.verdict}: {result.group}/{result.name}", settings)

    note(f"{total} cases", settings)
    return tell


def _print(name: str, results: list[Result], soaked: Soak | None, settings: Settings) -> None:
    from r1ci.executors.conformance import table

    for line in table.headline(name, results):
        click.echo(line)
    print_table(table.HEADER, table.rows(results), settings)
    for line in (*table.failures(results), *(table.soak_lines(soaked) if soaked else ())):
        click.echo(line)
