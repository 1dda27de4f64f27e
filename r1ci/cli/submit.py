"""r1ci submit: run a spec or a sweep as a job on a Ray cluster."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from r1ci.cli.complete import complete_spec_words
from r1ci.cli.execute import REPORTS
from r1ci.cli.jobs import address_option, connect, follow, forwarded
from r1ci.cli.output import note
from r1ci.cli.run import Exists
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import find_spec, find_sweep, is_sweep, load_spec, load_sweep_file, overlay_option, split_one
from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.launch.jobs.package import Tree
    from r1ci.spec.sweep.models import Sweep

_EXAMPLES = """\
r1ci submit laptop --address http://head:8265 --root /nfs/runs
r1ci submit sweeps/lr-kl.yaml --address http://head:8265 --root s3://bucket/runs --no-wait"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("words", metavar="SPEC [a.b=c ...]", nargs=-1, required=True, shell_complete=complete_spec_words)
@address_option
@overlay_option
@click.option("--name", help="Name of the run or sweep, short for name=NAME.")
@click.option("--wait/--no-wait", default=True, help="Show its progress until it ends (default).")
@click.option(
    "--env",
    "packages",
    type=click.Choice(["pip", "cluster"]),
    default="pip",
    help="pip: nodes install the packages of this environment (default); cluster: they have what r1ci needs.",
)
@click.option("-e", "--variable", "variables", multiple=True, metavar="NAME[=VALUE]", help="Variable for the job.")
@click.option(
    "--exists",
    type=click.Choice(["fail", "resume", "overwrite"]),
    default="resume",
    help="What to do about a run of that name in the store (default: resume).",
)
@pass_settings
def command(
    settings: Settings,
    words: tuple[str, ...],
    address: str | None,
    overlays: tuple[Path, ...],
    name: str | None,
    wait: bool,
    packages: Literal["pip", "cluster"],
    variables: tuple[str, ...],
    exists: Exists,
) -> int:
    """Send a spec or a sweep, the working tree and the packages to a cluster, and run it there as a Ray job.

    --root is the store as the cluster sees it: an absolute path that its nodes share, or a URL.
    """
    from r1ci.launch.jobs.package import working_tree
    from r1ci.launch.jobs.submission import Submission, submit

    root = cluster_root(settings)
    file, overrides = split_one(words)
    overrides += [f"name={name}"] if name is not None else []
    sweep, run_name = checked(file, overrides, overlays, settings)
    tree = working_tree(Path.cwd(), [Path(root), REPORTS])
    submission = Submission(
        run_name,
        job_words(file, overrides, overlays, tree, exists),
        Path.cwd().resolve().relative_to(tree.root),
        root,
        packages,
        forwarded(variables),
        None if sweep is None else sweep.model_dump_json(),
    )
    jobs = connect(address)
    job_id = submit(jobs, submission, tree)
    if settings.json:
        click.echo(
            json.dumps({"event": "submitted", "job": job_id, "address": jobs.address, "run": run_name, "root": root})
        )
    elif not wait:
        click.echo(job_id)
        note(f"watch it with r1ci logs {job_id} --follow --address {jobs.address}", settings)
    else:
        note(f"job {job_id}, {len(tree.files)} files of {tree.root}", settings)
        if packages == "pip":
            note("nodes that lack its packages install them first, which takes minutes", settings)
    return follow(jobs, job_id, settings) if wait else 0


def cluster_root(settings: Settings) -> str:
    """The store as the cluster is to see it. Raises UsageError for a path that means nothing there."""
    if "://" in settings.store or os.path.isabs(settings.store):
        return settings.store
    raise UsageError(
        f"the store '{settings.store}' is a folder of this machine",
        "give --root (or R1CI_ROOT) an absolute path that every node of the cluster sees, or a URL such as "
        "s3://bucket/runs",
    )


def checked(
    file: str, overrides: list[str], overlays: tuple[Path, ...], settings: Settings
) -> tuple[Sweep | None, str]:
    """Find every error of a spec or sweep before anything is sent; the sweep, if it is one, and its name.

    Raises:
        SpecError: with every error in it.
        UsageError: a sweep is given overlays.
    """
    if is_sweep(str(find_sweep(file))):
        from r1ci.cli.specs import known_names
        from r1ci.spec.diagnostics import SpecError
        from r1ci.spec.sweep.check import lint_sweep

        if overlays:
            raise UsageError("a sweep takes no overlays", "change a key of its spec with set.KEY=VALUE")
        resolved = load_sweep_file(file, overrides)
        findings = lint_sweep(resolved, known_names())
        if any(finding.severity == "error" for finding in findings):
            raise SpecError(findings)
        return resolved.sweep, resolved.sweep.name
    from r1ci.cli.compile import planned

    spec = load_spec(file, overrides, overlays)
    planned(spec, settings)
    return None, spec.experiment.name


def job_words(
    file: str, overrides: list[str], overlays: tuple[Path, ...], tree: Tree, exists: Exists
) -> tuple[str, ...]:
    """The command line of the job. Raises UsageError for a file that the tree does not hold."""
    verb = "sweep" if is_sweep(str(find_sweep(file))) else "run"
    path = find_sweep(file) if verb == "sweep" else find_spec(file)
    spec, *laid = (os.path.relpath(tree.root / tree.inside(each), Path.cwd().resolve()) for each in (path, *overlays))
    flags = [word for overlay in laid for word in ("-f", overlay)]
    apart = ["--apart"] if verb == "run" else []
    return (verb, spec, *overrides, *flags, "--exists", exists, "--no-report", *apart)
