"""r1ci show: describe one thing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from r1ci.cli.complete import complete_name
from r1ci.cli.output import print_json, print_table
from r1ci.cli.runs import Run, find_run, run_names, sweep_of, trial_names
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.errors import StoreError, UsageError

KINDS = ("task", "run", "sweep", "step", "objective")


@click.command(cls=Verb, epilog="r1ci show rg/gcd\nr1ci show quickstart\nr1ci show objective dapo")
@click.argument(
    "words", metavar="[task|run|sweep|step|objective] NAME", nargs=-1, required=True, shell_complete=complete_name
)
@click.option("--index", default=0, help="Which example question of a task.")
@click.option("--seed", default=0, help="Seed of the example question.")
@pass_settings
def command(settings: Settings, words: tuple[str, ...], index: int, seed: int) -> None:
    """Describe a task, a run, a sweep, a step or an objective preset.

    The kind is only needed where two things have the same name.
    """
    kind, name = _parse(words, settings.root)
    show: Mapping[str, Callable[[], None]] = {
        "task": lambda: _show_task(name, index, seed, settings),
        "run": lambda: _show_run(name, settings),
        "sweep": lambda: _show_sweep(name, settings),
        "step": lambda: _show_step(name, settings),
        "objective": lambda: _show_objective(name, settings),
    }
    show[kind]()


def _parse(words: tuple[str, ...], root: Path) -> tuple[str, str]:
    if len(words) == 2 and words[0] in KINDS:
        return words[0], words[1]
    if len(words) != 1:
        raise UsageError(f"expected [{'|'.join(KINDS)}] NAME, found {' '.join(words)}", "r1ci show --help")
    return kind_of(words[0], root), words[0]


def kind_of(name: str, root: Path) -> str:
    """What a name stands for.

    Raises:
        UsageError: it names nothing; the closest names are in the help.
    """
    from r1ci.spec.presets import OBJECTIVE_PRESETS
    from r1ci.store.store import Condition, Store
    from r1ci.tasks.registry import catalog

    if Store(root).condition(name) is not Condition.ABSENT:
        return "step"
    if sweep_of(name, root) is not None:
        return "sweep"
    if name in (*run_names(root), *trial_names(root)) or Path(name).is_dir():
        return "run"
    if name in OBJECTIVE_PRESETS:
        return "objective"
    tasks = [task.id for task in catalog()]
    if name in tasks:
        return "task"
    from difflib import get_close_matches

    near = get_close_matches(name, [*tasks, *run_names(root), *OBJECTIVE_PRESETS], n=3)
    near = near or [task for task in tasks if task.endswith(f"/{name}")]
    hint = (
        f"did you mean {' or '.join(near)}?" if near else "r1ci ls tasks, r1ci ls runs and r1ci ls algos list the names"
    )
    raise UsageError(f"nothing is called '{name}'", hint)


def _show_task(name: str, index: int, seed: int, settings: Settings) -> None:
    from r1ci.tasks.registry import get_task, task_info

    info, task = task_info(name), get_task(name)
    question = task.question(index, seed)
    facts: dict[str, Any] = {
        "task": info.id,
        "source": info.source,
        "split": info.split,
        "about": info.summary,
        "question": question.text,
        "reference": question.answer,
        "accepted": task.check(question, question.answer),
        "program": task.program(question),
    }
    if settings.json:
        print_json(facts)
        return
    click.echo(f"{info.id}  ({info.source}, {info.split} split)\n{info.summary}")
    click.echo(f"\nquestion {index} of seed {seed}\n{_indented(question.text)}")
    click.echo(f"\nreference answer\n{_indented(question.answer)}")
    verdict = "accepts it" if facts["accepted"] else "REJECTS it: this is a bug in the task"
    click.echo(f"\nthe checker {verdict}")
    program = facts["program"]
    click.echo("\nno reference program" if program is None else f"\nreference program\n{_indented(program)}")


def _show_objective(name: str, settings: Settings) -> None:
    from r1ci.spec.models import Objective, Rl
    from r1ci.spec.presets import OBJECTIVE_PRESETS
    from r1ci.train.formula import describe

    if name not in OBJECTIVE_PRESETS:
        raise UsageError(f"no objective '{name}'", f"objectives: {', '.join(OBJECTIVE_PRESETS)}")
    rows = [
        {
            "choice": choice,
            "value": value,
            "about": " ".join((Objective.model_fields[choice].description or "").split()),
        }
        for choice, value in OBJECTIVE_PRESETS[name].items()
    ]
    rl = Rl.model_validate({"preset": name})
    formula = describe(rl.objective, rl.critic)
    if settings.json:
        print_json({"objective": name, "formula": formula, "choices": rows})
        return
    click.echo(f"{name}\n\n{_indented(formula)}\n")
    print_table(("choice", "value", "about"), [tuple(map(str, row.values())) for row in rows], settings)


def _show_step(name: str, settings: Settings) -> None:
    from r1ci.store.store import Condition, Store

    store = Store(settings.root)
    if store.condition(name) is Condition.ABSENT:
        raise UsageError(f"no step '{name}' in {settings.root}", "r1ci show RUN lists the steps of a run")
    store.fetch([name])
    folder = store.step_folder(name)
    facts: dict[str, Any] = {"step": name, "folder": str(folder), "done": (folder / "done.json").is_file()}
    for file in ("step", "provenance"):
        facts[file] = _read(folder / f"{file}.json")
    facts["files"] = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    if settings.json:
        print_json(facts)
        return
    click.echo(f"{name}  ({'done' if facts['done'] else 'unfinished'})\n{folder}")
    for file in ("step", "provenance"):
        click.echo(f"\n{file}\n{_indented(json.dumps(facts[file], indent=2, ensure_ascii=False))}")
    click.echo(f"\nfiles\n{_indented(chr(10).join(facts['files']))}")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StoreError(f"{path} is damaged: {error}", "delete the step's folder and run the spec again") from error


def _show_run(name: str, settings: Settings) -> None:
    from r1ci.cli.state import describe

    run: Run = find_run(name, settings.root)
    facts = describe(run)
    if settings.json:
        print_json(facts)
        return
    click.echo(f"{facts['run']}  ({facts['state']}, {facts['done']} of {facts['steps']} steps)\n{facts['folder']}")
    if facts["trial"] is not None:
        _say_trial(facts["trial"])
    click.echo()
    rows = [
        (cell["cell"], role, step["id"], step["state"], _percent(step.get("accuracy")))
        for cell in facts["cells"]
        for role, step in cell["steps"].items()
    ]
    print_table(("cell", "step", "id", "state", "accuracy"), rows, settings)


def _say_trial(trial: Mapping[str, Any]) -> None:
    metric = "" if trial["metric"] is None else f" {trial['metric']:.4g}"
    click.echo(f"trial {trial['number']} of the sweep {trial['sweep']}: {trial['state']}{metric}; {_why(trial)}")
    click.echo(shlex.join(trial["overrides"]))


def _why(trial: Mapping[str, Any]) -> str:
    """What else there is to say of a trial: why it ended early, where it is, where its steps came from."""
    if trial["error"] is not None:
        return str(trial["error"]["message"].split("\n")[0])
    if trial["reason"]:
        return str(trial["reason"])
    if trial["place"] is not None:
        return str(trial["place"])
    if trial["state"] == "done" and not trial["computed"]:
        return "all its steps were in the store"
    return f"{trial['computed']} steps computed, {trial['reused']} in the store before"


def _show_sweep(name: str, settings: Settings) -> None:
    from r1ci.cli.state import sweep_facts

    folder = sweep_of(name, settings.root)
    if folder is None:
        raise UsageError(f"no sweep '{name}' in {settings.root}", "r1ci ls sweeps")
    facts = sweep_facts(folder)
    if settings.json:
        print_json(facts)
        return
    click.echo(f"{facts['sweep']}  ({facts['state']})\n{facts['folder']}\n")
    rows = [
        (
            str(trial["number"]),
            trial["state"],
            "-" if trial["metric"] is None else f"{trial['metric']:.4g}",
            f"{trial['computed']}+{trial['reused']}",
            shlex.join(trial["overrides"]),
            _why(trial),
        )
        for trial in facts["trials"]
    ]
    print_table(("trial", "state", "metric", "steps computed+reused", "overrides", "about"), rows, settings)


def _percent(accuracy: Mapping[str, float] | None) -> str:
    if not accuracy:
        return "-"
    return " ".join(f"{which} {value:.1%}" for which, value in accuracy.items())


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
