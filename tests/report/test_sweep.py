"""The sweep's section, from records made up from seeds."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import random
import re
import shlex
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from browser import CHROMIUM, Browser

from r1ci.errors import StoreError
from r1ci.report.build import build
from r1ci.report.contenders import compare
from r1ci.report.sections.sweep import SweepView, sweep_data, sweep_html
from r1ci.report.sweeps import find_runs, goes_on, read_runs
from r1ci.report.trials import axis_of
from r1ci.report.twin import twin_schema
from r1ci.spec.report import Layout
from r1ci.store.sweeps import SweepFolder, TrialError, TrialRecord

MakeFake = Callable[..., Any]
HOSTILE = '</script><img src=x onerror="window.hacked=1"><!-- {{ 7*7 }} ]]>'
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SPACE = {
    "rl.learning_rate": {"kind": "loguniform", "low": 1e-5, "high": 1e-2},
    "rl.group_size": {"kind": "randint", "low": 2, "high": 16},
    "rl.optimizer": {"kind": "choice", "values": ["adamw", "muon"]},
    "rl.schedule": {"kind": "choice", "values": ["cosine", "constant"], "when": {"rl.optimizer": "muon"}},
}
ASHA = {"kind": "asha", "grace": 10, "reduction": 2}


def trial(number: int, *, state: str = "done", values: Mapping[str, Any] | None = None, **changes: Any) -> TrialRecord:
    """A record; what is not said is drawn from the number."""
    rng = random.Random(f"trial {number}")
    if values is None:
        values = {
            "rl.learning_rate": float(f"{10 ** rng.uniform(-5, -2):.6g}"),
            "rl.group_size": rng.randint(2, 16),
            "rl.optimizer": rng.choice(["adamw", "muon"]),
        }
        if values["rl.optimizer"] == "muon":
            values["rl.schedule"] = rng.choice(["cosine", "constant"])
    rate, noise = values.get("rl.learning_rate", 1e-3), rng.gauss(0, 0.02)
    good = 0.7 - 0.15 * abs(math.log10(rate) + 3.2) + noise
    seeds = {0: good, 1: good + rng.gauss(0, 0.02)} if state == "done" else {}
    ends = {"done": 40, "stopped": 10 if number % 3 else 20, "failed": 5}.get(state, 8)
    curve = tuple((float(at), good * (1 - math.exp(-at / 12))) for at in range(5, ends + 1, 5))
    record = TrialRecord(
        number=number,
        spec="base.yaml",
        values=values,
        overrides=tuple(f"{key}={value}" for key, value in values.items()),
        state=state,  # type: ignore[arg-type]
        metric=sum(seeds.values()) / len(seeds) if seeds else None,
        by_seed=seeds,
        curve=curve,
        stopped_at=float(ends) if state == "stopped" else None,
        reason="new_accuracy 0.2 is worse than 0.3" if state == "stopped" else "",
        error=TrialError("OutOfMemory", f"rl ran out of memory {HOSTILE}", "use less") if state == "failed" else None,
        computed=2,
        reused=7,
        saved_s=90.0,
        seconds=60.0 + number,
        totals={"steps": float(ends), "tokens": 900.0 * ends, "gpu_hours": 0.1},
    )
    return dataclasses.replace(record, **changes)


def write_sweep(
    root: Path,
    records: Sequence[TrialRecord],
    *,
    name: str = "lr",
    state: str = "done",
    at: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """A sweep in a store, without its trials' experiments."""
    sweep: dict[str, Any] = {
        "sweep_version": 1, "name": name, "spec": "base.yaml", "space": SPACE, "trials": len(records) or 1,
        "set": {"compute.ledger_every": 0}, "metric": {"name": "accuracy/new_questions", "mode": "max"},
        "search": {"kind": "random", "seed": 0}, "description": "What the learning rate does.",
    } | changes  # fmt: skip
    names = sweep.get("specs") or [sweep["spec"]]
    alone = ["~variants", "variants={curriculum: {}}"]
    bases = {spec: {"path": f"specs/{spec}", "variant": "curriculum", "alone": alone} for spec in names}
    folder = SweepFolder(root, name)
    folder.create(text="", resolved={"sweep": sweep, "bases": bases})
    for record in records:
        folder.write(record)
    folder.write_status({"state": state, "total": len(records), "pid": 0, "host": "elsewhere", **(at or {})})
    return root


def mixed(count: int) -> list[TrialRecord]:
    """Trials of which every third was stopped and every seventh failed."""
    states = ["failed" if n % 7 == 6 else "stopped" if n % 3 == 2 else "done" for n in range(count)]
    return [trial(number, state=state) for number, state in enumerate(states)]


def view_of(root: Path, name: str = "lr") -> SweepView:
    return sweep_data(compare(read_runs(root, [name]), None)).sweeps[0]


def html_of(root: Path) -> str:
    return str(sweep_html(sweep_data(compare(read_runs(root, ["lr"]), None))))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, fake_store: MakeFake) -> Path:
    """21 trials, the two best of them with their experiments."""
    root, records = tmp_path_factory.mktemp("sweep"), mixed(21)
    write_sweep(root, records, scheduler=ASHA)
    one, two = (f"lr-{record.name}" for record in best_of(records)[:2])
    choices = {"seeds": (0, 1), "questions": 4}
    first = fake_store(root, name=one, variants={"curriculum": {}}, **choices)
    first.write()
    second = {"curriculum": {"curriculum.stages": "single"}}
    fake_store(root, name=two, variants=second, steps=first.steps, states=first.states, **choices).write()
    return root


def best_of(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    return sorted((r for r in records if r.metric is not None), key=lambda r: -(r.metric or 0))


# ---------------------------------------------------------------- what is read


def test_a_sweep_stands_for_its_best_trials_and_a_pattern_does_not_repeat_them(store: Path) -> None:
    named = tuple(f"lr-{record.name}" for record in best_of(mixed(21))[:2])
    for patterns in (["lr"], ["l*"], ["lr", "lr-*"]):
        runs = find_runs(store, patterns)
        assert [sweep.name for sweep in runs.sweeps] == ["lr"]
        assert set(runs.experiments) == set(named)
    assert find_runs(store, ["lr"]).experiments == named, "best first"
    assert find_runs(store, ["lr-*"]).sweeps == ()


def test_trials_without_an_experiment_are_not_compared(tmp_path: Path) -> None:
    assert find_runs(write_sweep(tmp_path, [trial(0)]), ["lr"]).experiments == ()


def test_a_damaged_trial_is_a_problem_and_a_damaged_sweep_an_error(tmp_path: Path) -> None:
    write_sweep(tmp_path, mixed(3))
    (tmp_path / "sweeps/lr/trials/0001.json").write_text("{}")
    findings = read_runs(tmp_path, ["lr"])
    assert [record.number for record in findings.sweeps[0].records] == [0, 2]
    assert [problem.where for problem in findings.problems] == ["sweeps/lr/trials/0001.json"]
    (tmp_path / "sweeps/lr/resolved.json").write_text('{"sweep": {}, "bases": {}}')
    with pytest.raises(StoreError, match="is damaged"):
        read_runs(tmp_path, ["lr"])


def test_a_sweep_goes_on_while_its_process_lives(store: Path, tmp_path: Path) -> None:
    assert not goes_on(store, ["lr"])
    here = {"pid": os.getpid(), "host": socket.gethostname()}
    write_sweep(tmp_path, [trial(0, state="running")], state="running", at=here)
    assert goes_on(tmp_path, ["lr"])
    assert view_of(tmp_path).rows[0].state == "running"


def test_trials_of_a_sweep_that_was_killed_do_not_run(tmp_path: Path) -> None:
    view = view_of(write_sweep(tmp_path, [trial(0), trial(1, state="running")], state="killed"))
    assert [row.state for row in view.rows] == ["done", "interrupted"]


# ---------------------------------------------------------------- what is computed


def test_the_best_so_far_follows_the_mode(tmp_path: Path) -> None:
    records = [trial(n, metric=value) for n, value in enumerate([0.2, 0.5, 0.1])]
    most = view_of(write_sweep(tmp_path / "max", records))
    assert [row.best for row in most.rows] == [0.2, 0.5, 0.5]
    metric = {"name": "rl/kl", "mode": "min"}
    least = view_of(write_sweep(tmp_path / "min", records, metric=metric))
    assert [row.best for row in least.rows] == [0.2, 0.2, 0.1]
    assert [top.number for top in most.top] == [1, 0, 2]
    assert [top.number for top in least.top] == [2, 0, 1]


def test_a_failed_trial_is_a_row_with_its_reason_and_counts_for_nothing(tmp_path: Path) -> None:
    view = view_of(write_sweep(tmp_path, [trial(0), trial(1, state="failed"), trial(2)]))
    assert view.rows[1].reason.startswith("OutOfMemory: rl ran out of memory")
    assert view.rows[1].help == "use less"
    assert view.rows[1].best == view.rows[0].metric
    assert [row.number for row in view.finished] == [0, 2]


def test_a_line_gives_a_trial_again_with_the_sweeps_set_its_values_and_seeds(tmp_path: Path) -> None:
    values = {"rl.learning_rate": 1e-4, "rl.optimizer": "adamw"}
    overrides = ("rl.learning_rate=0.0001", 'rewards={kind: "a b"}')
    record = trial(3, values=values, overrides=overrides)
    words = shlex.split(view_of(write_sweep(tmp_path, [record])).top[0].command)
    assert words == [
        "r1ci", "run", "specs/base.yaml", "~variants", "variants={curriculum: {}}",
        "compute.ledger_every=0", *overrides,
        "--seeds", "0,1", "--name", "lr-0003-again",
    ]  # fmt: skip


def test_seeds_give_the_interval_of_the_best_and_one_seed_gives_none(tmp_path: Path) -> None:
    view = view_of(
        write_sweep(tmp_path, [trial(0, metric=0.5, by_seed={0: 0.4, 1: 0.5, 2: 0.6}), trial(1, by_seed={0: 0.3})])
    )
    two = {top.number: top for top in view.top}
    margin = 4.3027 * 0.1 / math.sqrt(3)
    assert two[0].low == pytest.approx(0.5 - margin, abs=1e-3)
    assert two[0].high == pytest.approx(0.5 + margin, abs=1e-3)
    assert (two[1].low, two[1].high) == (None, None)


def test_rungs_say_who_came_so_far_who_was_stopped_and_what_was_spent(tmp_path: Path) -> None:
    done = trial(0, curve=((10.0, 0.1), (20.0, 0.2), (40.0, 0.3)))
    early = trial(1, state="stopped", curve=((10.0, 0.1),), stopped_at=10.0)
    late = trial(2, state="stopped", curve=((10.0, 0.1), (25.0, 0.1)), stopped_at=25.0)
    view = view_of(write_sweep(tmp_path, [done, early, late], scheduler=ASHA))
    assert [(rung.at, rung.reached, rung.stopped, rung.spent) for rung in view.rungs] == [
        (10.0, 3, 1, 30.0),
        (20.0, 2, 1, 20.0),
        (40.0, 1, 0, 25.0),
    ]
    assert sum(rung.spent for rung in view.rungs) == 40 + 10 + 25
    assert view.spared == (40 - 10) + (40 - 25)
    assert view_of(write_sweep(tmp_path / "none", [done])).rungs == ()


def test_sharing_and_use_are_summed_over_all_trials(tmp_path: Path) -> None:
    view = view_of(write_sweep(tmp_path, mixed(7)))
    assert (view.computed, view.reused, view.saved_s) == (14, 49, 630.0)
    assert sum(use.trials for use in view.usage) == 7
    assert sum(use.seconds for use in view.usage) == sum(60 + n for n in range(7))


def test_several_specs_are_a_key_of_their_own(tmp_path: Path) -> None:
    records = [trial(n, spec=("a.yaml", "b.yaml")[n % 2]) for n in range(4)]
    view = view_of(write_sweep(tmp_path, records, spec=None, specs=["a.yaml", "b.yaml"]))
    assert view.keys[0] == "spec"
    assert view.rows[1].values["spec"] == "b.yaml"


@pytest.mark.parametrize(
    ("values", "log", "places"),
    [
        ([1, 2, 4], False, [0.0, 1 / 3, 1.0]),
        ([1e-4, 1e-3, 1e-2], True, [0.0, 0.5, 1.0]),
        ([0.0, 1.0], True, [0.0, 1.0]),
        (["a", "b"], False, [0.25, 0.75]),
        ([True, False], False, [0.25, 0.75]),
        ([{"kind": "beta"}, None], False, [0.25, 0.75]),
    ],
    ids=["numbers", "logarithm", "no logarithm of zero", "words", "truth is no number", "sections"],
)
def test_values_have_places_on_their_axis(values: list[Any], log: bool, places: list[float]) -> None:
    axis = axis_of("key", values, log=log)
    assert [axis.share(value) for value in values] == pytest.approx(places)


# ---------------------------------------------------------------- what is drawn


def test_every_figure_says_its_finding_and_has_its_table(store: Path) -> None:
    figures = re.findall(r"<figure.*?</figure>", html_of(store), re.DOTALL)
    assert len(figures) == 1 + 1 + 4 + 1 + 1
    for figure in figures:
        assert re.search(r'role="img" aria-label="[^"]+"', figure)
        assert "<details" in figure
        assert "<caption>" in figure


def test_marks_say_what_was_stopped_and_what_failed(store: Path) -> None:
    history = re.findall(r"<figure.*?</figure>", html_of(store), re.DOTALL)[0]
    view = view_of(store)
    assert history.count('<path class="cut"') == view.count("stopped") == 6
    assert history.count('<path class="cross"') == view.count("failed") == 3
    assert history.count("<circle class") == view.count("done") == 12


def test_words_of_the_store_are_text(store: Path) -> None:
    html = html_of(store)
    assert "<img" not in html
    assert "ran out of memory &lt;/script&gt;&lt;img" in html


def test_lines_across_the_axes_carry_what_the_brush_needs(store: Path) -> None:
    strands = re.findall(r'data-trial="(\d+)" data-places="([^"]*)"', html_of(store))
    axes = len(view_of(store).axes)
    assert len(strands) == 12
    assert {len(places.split(",")) for _, places in strands} == {axes}
    assert all(0 <= float(place) <= 1 for _, places in strands for place in places.split(",") if place)


def test_few_trials_say_that_they_are_few(tmp_path: Path) -> None:
    html = html_of(write_sweep(tmp_path, [trial(n) for n in range(7)]))
    assert "Too few trials: 7 finished trials, and at least 8" in html
    more = html_of(write_sweep(tmp_path / "more", [trial(n) for n in range(8)]))
    assert "Too few trials:" not in more
    assert '<td colspan="5">too few trials</td>' in more, "a key that fewer of them have"


# ---------------------------------------------------------------- the page


def page_of(root: Path, out: Path, names: Sequence[str] = ("lr",), **choices: Any) -> tuple[str, dict[str, Any]]:
    files = build(root, names, out, now=NOW, **choices)
    return files.html.read_text(encoding="utf-8"), json.loads(files.json.read_text(encoding="utf-8"))


def test_the_sweep_stands_first_and_the_best_trial_is_the_baseline(store: Path, tmp_path: Path) -> None:
    page, twin = page_of(store, tmp_path / "out")
    assert re.findall(r'<section id="(\w+)"', page)[:2] == ["sweep", "verdict"]
    assert "<h1>lr</h1>" in page
    assert page.count("What the learning rate does.") == 1
    assert "compare only the 2 best of 12 finished trials" in page
    board = {row["label"]: row["baseline"] for row in twin["sections"]["leaderboard"]["rows"]}
    best = f"lr-{best_of(mixed(21))[0].name}/curriculum"
    assert [label for label, baseline in board.items() if baseline] == [best]
    assert "3 of 21 trials of the sweep lr failed" in [a["title"] for a in twin["sections"]["alerts"]["alerts"]]
    jsonschema.Draft202012Validator(twin_schema()).validate(twin)
    again, _ = page_of(store, tmp_path / "again")
    assert again == page


def test_a_report_without_a_sweep_has_no_such_section(store: Path, tmp_path: Path) -> None:
    alone = f"lr-{best_of(mixed(21))[0].name}"
    page, twin = page_of(store, tmp_path / "out", [alone])
    assert 'id="sweep"' not in page
    assert "sweep" not in twin["sections"]
    listed, _ = page_of(store, tmp_path / "listed", [alone], layout=Layout(sections=["sweep"]))
    assert "None of the runs is a sweep." in listed


@pytest.mark.parametrize(
    "records",
    [
        [],
        [trial(0, state="running", curve=())],
        [trial(n, state="failed") for n in range(3)],
        [trial(n, state="stopped") for n in range(9)],
        [trial(0)],
        [trial(n, metric=0.0, by_seed={0: 0.0}) for n in range(9)],
    ],
    ids=["none", "running", "failed", "stopped", "one", "all the same"],
)
def test_any_sweep_has_its_page(tmp_path: Path, records: list[TrialRecord]) -> None:
    page, twin = page_of(write_sweep(tmp_path, records, scheduler=ASHA), tmp_path / "out")
    assert list(twin["sections"]) == ["alerts", "methods", "sweep"]
    assert f"{len(records)} trial{'s' * (len(records) != 1)}</span>" in page
    assert not re.search(
        r"\b(nan|inf|None)\b", re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.DOTALL)
    )
    jsonschema.Draft202012Validator(twin_schema()).validate(twin)


def test_200_trials_are_a_small_page(tmp_path: Path) -> None:
    page, twin = page_of(write_sweep(tmp_path, mixed(200), scheduler=ASHA), tmp_path / "out")
    assert len(twin["sections"]["sweep"]["sweeps"][0]["rows"]) == 200
    assert len(page) < 600_000


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Browser]:
    """The page of 21 trials, on a screen as high as it."""
    page = build(write_sweep(tmp_path / "runs", mixed(21), scheduler=ASHA), ["lr"], tmp_path / "out", now=NOW).html
    with Browser(tmp_path / "profile", size=(1300, 3500)) as browser:
        browser.open(page)
        yield browser


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_drag_along_an_axis_keeps_the_trials_in_that_range(opened: Browser) -> None:
    box = opened.value(
        "(({left, top, width, height}) => [left + width / 2, top, height])"
        "([...document.querySelectorAll('.brush')].at(-1).getBoundingClientRect())"
    )
    x, top, height = box

    def drag(start: float, end: float) -> None:
        for kind, share in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            at = {"x": x, "y": top + share * height, "button": "left", "buttons": 1, "clickCount": 1}
            opened.send("Input.dispatchMouseEvent", type=kind, **at)

    note, away = "document.querySelector('.brushed').textContent", "document.querySelectorAll('.strand.away').length"
    assert "Drag along an axis" in opened.value(note)
    drag(0.0, 0.5)
    worst, best = sorted(record.metric for record in best_of(mixed(21)) if record.metric)[::11]
    kept = sorted(r.number for r in best_of(mixed(21)) if (r.metric or 0) > (worst + best) / 2)
    assert opened.value(note) == f"{len(kept)} of 12 trials: {', '.join(map(str, kept))}"
    assert opened.value(away) == 12 - len(kept)
    assert opened.value("document.querySelectorAll('tr[data-trial]:not([hidden])').length") == len(kept)
    drag(0.3, 0.3)
    assert opened.value(away) == 0
    assert "Drag along an axis" in opened.value(note)
    assert opened.complaints() == []


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_section_is_named_narrow_printable_and_quiet(opened: Browser) -> None:
    assert (
        opened.value("[...document.querySelectorAll('svg')].filter((s) => !s.matches('[role=img][aria-label]')).length")
        == 0
    )
    opened.value("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")
    for width in (1300, 390):
        opened.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        assert opened.value("document.documentElement.scrollWidth") <= width
    opened.value("document.querySelector('[data-copies]').click()")
    opened.until("document.querySelector('[data-copies]').textContent !== 'Copy'")
    assert opened.value("getSelection().toString()").startswith("r1ci run specs/base.yaml '~variants' 'variants=")
    assert len(opened.requests()) == 1
    assert opened.complaints() == []
