"""check, compile, diff, new, schema and ls: the verbs that only read specs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

BROKEN = """\
spec_version: 1
name: broken
models: [tiny]
rl:
  group_sise: 8
  learning_rate: fast
"""


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A spec with two errors."""
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    return path


def test_check_accepts_a_good_spec(cli: Any, spec: Path) -> None:
    result = cli("check", "small.yaml")
    assert result.code == 0
    assert result.out == "small.yaml: ok\n"


def test_check_shows_every_error_at_its_place(cli: Any, broken: Path, snapshot: SnapshotAssertion) -> None:
    result = cli("check", "broken.yaml")
    assert result.code == 2
    assert result.err == snapshot


def test_check_points_at_a_wrong_override(cli: Any, spec: Path, snapshot: SnapshotAssertion) -> None:
    result = cli("check", "small.yaml", "rl.learning_rate=fast")
    assert result.code == 2
    assert result.err == snapshot


def test_check_goes_through_all_specs(cli: Any, spec: Path, broken: Path) -> None:
    result = cli("check", "small.yaml", "broken.yaml", "--json")
    assert result.code == 2
    assert result.json["ok"] is False
    rows = {row["spec"]: row["diagnostics"] for row in result.json["specs"]}
    assert [each for each in rows["small.yaml"] if each["severity"] == "error"] == []
    assert {each["line"] for each in rows["broken.yaml"]} >= {5, 6}


def test_check_annotates(cli: Any, broken: Path) -> None:
    lines = cli("check", "broken.yaml", "--format", "github").out.splitlines()
    assert lines[0].startswith("::error file=broken.yaml,line=5")


@pytest.mark.parametrize("verb", ["check", "compile", "run"])
def test_a_missing_spec_is_a_usage_error(cli: Any, verb: str) -> None:
    result = cli(verb, "nowhere.yaml")
    assert result.code == 2
    assert "nowhere.yaml" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("verb", ["compile", "run"])
def test_errors_of_a_spec_are_json_on_demand(cli: Any, broken: Path, verb: str) -> None:
    result = cli(verb, "broken.yaml", "--json")
    assert result.code == 2
    assert result.json["error"]["kind"] == "SpecError"
    assert len(result.json["error"]["diagnostics"]) >= 2


def test_a_bare_name_stands_for_a_shipped_spec(cli: Any, spec: Path) -> None:
    Path("specs").mkdir()
    spec.rename("specs/small.yaml")
    assert cli("check", "small").out == "specs/small.yaml: ok\n"


def test_compile_prints_the_plan_and_writes_it(cli: Any, spec: Path) -> None:
    result = cli("compile", "small.yaml", "--out", "plan")
    assert result.code == 0
    assert result.out.startswith("small: 2 cells")
    document = cli("compile", "small.yaml", "--json").json
    assert document["schema_version"] == 1
    assert document["done"] == []
    written = json.loads(Path("plan/plan.json").read_text())
    assert [step["id"] for step in document["steps"]] == [step["id"] for step in written["steps"]]
    assert json.loads(Path("plan/resolved.json").read_text())["name"] == "small"


def test_compile_explains_where_values_come_from(cli: Any, spec: Path) -> None:
    rows = cli("compile", "small.yaml", "rl.group_size=4", "--explain", "--json").json["explain"]
    origins = {row["key"]: row["from"] for row in rows}
    assert origins["rl.group_size"] == "command line: rl.group_size=4"
    assert origins["rl.learning_rate"].startswith("small.yaml:")
    assert origins["rl.temperature"] == "default"
    assert "rl.group_size" in cli("compile", "small.yaml", "--explain").out


def test_an_overlay_lies_over_the_spec(cli: Any, spec: Path) -> None:
    Path("over.yaml").write_text("rl: {group_size: 3}\n")
    rows = cli("compile", "small.yaml", "-f", "over.yaml", "--explain", "--json").json["explain"]
    assert {row["key"]: row["value"] for row in rows}["rl.group_size"] == 3


def test_diff_shows_differing_keys_only(cli: Any, spec: Path) -> None:
    Path("other.yaml").write_text(spec.read_text().replace("groups: 3", "groups: 2"))
    assert cli("diff", "small.yaml", "other.yaml", "--json").json == [{"key": "partition.groups", "a": 3, "b": 2}]
    assert cli("diff", "small.yaml", "other.yaml").out == "key\tsmall.yaml\tother.yaml\npartition.groups\t3\t2\n"
    assert "| `partition.groups` | `3` | `2` |" in cli("diff", "small.yaml", "other.yaml", "--md").out
    assert cli("diff", "small.yaml", "small.yaml").out == "no difference\n"
    assert cli("diff", "small.yaml", "small.yaml", "--json").json == []


def test_new_writes_a_spec_that_checks(cli: Any) -> None:
    result = cli("new", "spec", "mine")
    assert (result.code, result.out) == (0, "specs/mine.yaml\n")
    assert "name: mine\n" in Path("specs/mine.yaml").read_text()
    assert cli("check", "mine").code == 0
    again = cli("new", "spec", "mine.yaml")
    assert (again.code, "specs/mine.yaml exists" in again.err) == (2, True)


def test_new_copies_another_spec_as_it_is_written(cli: Any, spec: Path) -> None:
    cli("new", "spec", "copy", "--from", "small.yaml", "--out", "copy.yaml")
    assert Path("copy.yaml").read_text() == spec.read_text().replace("name: small", "name: copy")


@pytest.mark.parametrize("name", ["a b", "-x", "", "x/y"])
def test_new_refuses_names_that_the_language_refuses(cli: Any, name: str) -> None:
    assert cli("new", "spec", "--", name).code == 2


def test_schema_is_json_schema(cli: Any) -> None:
    import jsonschema

    schema = cli("schema", "spec").json
    jsonschema.Draft202012Validator.check_schema(schema)
    assert cli("schema", "--out", "docs/x.json").out == "docs/x.json\n"
    assert json.loads(Path("docs/x.json").read_text()) == schema


def test_ls_specs_shows_what_loads_and_what_does_not(cli: Any, spec: Path, broken: Path) -> None:
    Path("specs").mkdir()
    spec.rename("specs/small.yaml")
    broken.rename("specs/broken.yaml")
    rows = {row["spec"]: row for row in cli("ls", "specs", "--json").json}
    assert rows["specs/small.yaml"]["variants"] == ["curriculum", "plain"]
    assert "r1ci check specs/broken.yaml" in rows["specs/broken.yaml"]["about"]


def test_ls_names_agents_and_objectives(cli: Any) -> None:
    agents = [row["agent"] for row in cli("ls", "agents", "--json").json]
    assert agents == ["all_text", "all_code", "code_agent", "codesteer"]
    assert "grpo-r1ci" in [row["preset"] for row in cli("ls", "algos", "--json").json]


def test_tables_are_tab_separated_when_piped(cli: Any) -> None:
    header, *rows = cli("ls", "tasks").out.splitlines()
    assert header == "task\tsplit\tsource\tprogram\tabout"
    assert all(row.count("\t") == 4 for row in rows)


def test_show_task_shows_the_checkers_verdict(cli: Any) -> None:
    facts = cli("show", "symbench/game24", "--json", "--index", "3").json
    assert facts["accepted"] is True
    assert facts["question"]
    text = cli("show", "task", "symbench/game24").out
    assert "the checker accepts it" in text


def test_show_objective_names_every_choice(cli: Any) -> None:
    facts = cli("show", "objective", "dapo", "--json").json
    assert {row["choice"]: row["value"] for row in facts["choices"]}["clip_high"] == 0.28
    assert all(row["about"] for row in facts["choices"])
    assert "clip(r_t, 0.8, 1.28)" in facts["formula"]
    assert "clip(r_t, 0.8, 1.28)" in cli("show", "objective", "dapo").out


def _completed(cli: Any, monkeypatch: pytest.MonkeyPatch, typed: str) -> list[str]:
    words = typed.split(" ")
    monkeypatch.setenv("_R1CI_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    return [line.partition(",")[2] for line in cli().out.splitlines()]


def test_the_shell_completes_verbs_specs_keys_and_names(cli: Any, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("specs").mkdir()
    spec.rename("specs/small.yaml")
    Path("runs/experiments/first").mkdir(parents=True)
    assert _completed(cli, monkeypatch, "r1ci ch") == ["check"]
    assert _completed(cli, monkeypatch, "r1ci run specs/s") == ["specs/small.yaml"]
    assert "rl.learning_rate=" in _completed(cli, monkeypatch, "r1ci run specs/small.yaml rl.l")
    assert _completed(cli, monkeypatch, "r1ci resume f") == ["first"]
    assert _completed(cli, monkeypatch, "r1ci eval first evaluation.temp") == ["evaluation.temperature="]
    assert _completed(cli, monkeypatch, "r1ci show rg/gc") == ["rg/gcd"]
    assert _completed(cli, monkeypatch, "r1ci models get s") == ["smollm2-135m"]
    assert _completed(cli, monkeypatch, "r1ci ls ta") == ["tasks"]
