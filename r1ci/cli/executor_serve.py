"""r1ci executor serve: run programs for others over HTTP."""

from __future__ import annotations

import ipaddress
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import load_spec
from r1ci.errors import EnvironmentMissing, UsageError

if TYPE_CHECKING:
    from r1ci.executors.http.serving import Listening
    from r1ci.spec.models import ExecutorSpec

PORT = 8650
"""Where a server listens unless told otherwise."""


@click.command(
    name="serve",
    cls=Verb,
    epilog="r1ci executor serve\nr1ci executor serve --host 0.0.0.0 --token-file tokens --isolation strict",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: a free one.")
@click.option("--spec", metavar="SPEC", help="Take the executor section of this spec; the options below change it.")
@click.option(
    "--isolation", type=click.Choice(["strict", "namespaces", "landlock", "rlimits"]), help="Weakest accepted."
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Time limit, and the longest a program may ask for.")
@click.option("--memory", type=int, metavar="MB", help="Memory limit, and the largest a program may ask for.")
@click.option("--workers", type=int, help="Programs running at once.")
@click.option("--sessions", is_flag=True, help="Let programs of one session share state.")
@click.option("--token", envvar="R1CI_EXECUTOR_TOKEN", help="The token (default: R1CI_EXECUTOR_TOKEN, else a new one).")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="A file with a token per line.")
@click.option("--no-token", is_flag=True, help="Ask nobody for a token; on loopback only.")
@click.option("--per-client", type=click.IntRange(1), default=256, show_default=True, help="Programs of one client.")
@click.option("--in-all", type=click.IntRange(1), default=1024, show_default=True, help="Programs that run or wait.")
@click.option(
    "--max-body", type=click.IntRange(1), default=32, show_default=True, metavar="MB", help="Largest request."
)
@pass_settings
def command(settings: Settings, /, host: str, port: int, spec: str | None, **options: Any) -> int:
    """Run programs for others over HTTP, until interrupted."""
    import asyncio
    import signal

    try:
        from r1ci.executors.http.server import Rules
        from r1ci.executors.http.serving import serve
    except ModuleNotFoundError as error:
        raise EnvironmentMissing(
            f"r1ci executor serve needs the package {error.name}", "pip install 'r1ci[server]' brings it"
        ) from error

    tokens = _tokens(host, options["token"], options["token_file"], no_token=options["no_token"])
    told = bool(options["token"] or options["token_file"])
    executor = _executor(spec, options)
    rules = Rules(
        tokens=tokens,
        timeout_s=executor.timeout_s,
        memory_mb=executor.memory_mb,
        per_client=options["per_client"],
        in_all=options["in_all"],
        max_body_bytes=options["max_body"] * 2**20,
    )
    secret = "" if told or not tokens else tokens[0]
    ended = asyncio.run(serve(executor, rules, host, port, lambda found: _announce(found, secret, settings)))
    if ended is signal.SIGINT:
        raise KeyboardInterrupt
    return 0


def _announce(listening: Listening, secret: str, settings: Settings) -> None:
    about = listening.about
    if settings.json:
        facts = {"event": "serving", "url": listening.url, "token": secret or None, "isolation": about.isolation}
        line = json.dumps({**facts, "missing": about.missing, "workers": about.workers})
    else:
        line = f"serving on {listening.url} (isolation {about.isolation or '-'}, {about.workers} workers)"
        line += f"\ntoken {secret}" if secret else ""
    click.echo(line)


def _executor(spec: str | None, options: dict[str, Any]) -> ExecutorSpec:
    """The executor of the spec (default: a local one) with the limits from the command line.

    Raises UsageError for a value that the language does not allow.
    """
    from pydantic import ValidationError

    from r1ci.spec.models import LocalExecutor

    base: ExecutorSpec = LocalExecutor() if spec is None else load_spec(spec).experiment.executor
    names = {"isolation": "isolation", "timeout": "timeout_s", "memory": "memory_mb", "workers": "workers"}
    given = {names[option]: options[option] for option in names if options[option] is not None}
    if options["sessions"]:
        given["sessions"] = True
    try:
        return type(base).model_validate({**base.model_dump(), **given})
    except ValidationError as error:
        first = error.errors()[0]
        option = {value: key for key, value in names.items()}.get(str(first["loc"][0]), str(first["loc"][0]))
        raise UsageError(
            f"--{option}: {first['msg'][:1].lower()}{first['msg'][1:]}", "see r1ci executor serve --help"
        ) from None


def _tokens(host: str, token: str | None, file: Path | None, *, no_token: bool) -> tuple[str, ...]:
    """The tokens that are accepted. Raises UsageError for a choice that would leave the server open."""
    if no_token:
        if file is not None:
            raise UsageError("--no-token and --token-file exclude each other", "leave one of them out")
        if not _loopback(host):
            raise UsageError(f"--no-token with --host {host}", "without a token only loopback is served: 127.0.0.1")
        return ()
    if file is not None:
        tokens = _lines(file)
        if not tokens:
            raise UsageError(f"--token-file {file} holds no token", "write one per line")
    else:
        tokens = (secrets.token_urlsafe(32),) if not token else (token.strip(),)
    for text in tokens:
        if not (text.isascii() and text.isprintable()) or " " in text or not text:
            raise UsageError("a token must be printable ASCII without spaces", "leave --token out to get a new one")
    return tokens


def _lines(file: Path) -> tuple[str, ...]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"--token-file {file}: {reason}", "name a file with one token per line") from None
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
