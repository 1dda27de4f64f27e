"""What YAML means in a spec, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from r1ci.spec.diagnostics import SpecError
from r1ci.spec.load import load
from r1ci.spec.yaml12 import parse_document


def plain(text: str) -> Any:
    return parse_document(text, "a.yaml").plain()


def rules(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_document(text, "a.yaml")
    return [each.rule for each in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1E5", 1e5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5e+3", -500.0),
        ("+7", 7),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("2026-01-02", "2026-01-02"),
        ("on", "on"),
        ("off", "off"),
        ("no", "no"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("=", "="),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: Any) -> None:
    found = plain(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc-_.", min_size=1), inner, max_size=3),
        max_leaves=8,
    )
)
def test_json_is_yaml(value: Any) -> None:
    assert plain(json.dumps({"a": value}))["a"] == value


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=30))
def test_quoted_text_stays_text(text: str) -> None:
    document = yaml.safe_dump({"a": text}, allow_unicode=True, default_style='"', width=10_000)
    assert plain(document.replace("!!str ", ""))["a"] == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: 1\na: 2", "duplicate-key"),
        ("a: {b: 1, b: 1}", "duplicate-key"),
        ("a: !!python/object/apply:os.system [id]", "yaml-tag"),
        ("a: !!str 1", "yaml-tag"),
        ("!x a: 1", "yaml-tag"),
        ("a: !", "yaml-tag"),
        ("b: &b {c: 1}\na: {<<: *b}", "yaml-merge"),
        ("a: &a [*a]", "yaml-cycle"),
        ("a: &a {b: {c: *a}}", "yaml-cycle"),
        ("1: a", "yaml-key"),
        ("null: a", "yaml-key"),
        ("[a, b]: c", "yaml-key"),
        ("a: .inf", "number"),
        ("a: -.INF", "number"),
        ("a: .nan", "number"),
        ("a: 1e999", "number"),
        ("a: 9223372036854775808", "number"),
        (f"a: {'9' * 5000}", "number"),
        ("a: 1\n---\nb: 2", "yaml-syntax"),
        ("a: b: c", "yaml-syntax"),
        ("a: [1", "yaml-syntax"),
        ("a: 'x", "yaml-syntax"),
        ("a:\n\t- 1", "yaml-syntax"),
        ("a: *b", "yaml-syntax"),
        ("a: \x07", "yaml-syntax"),
        ("a: " + "[" * 100 + "]" * 100, "yaml-syntax"),
        ("a: " + "[" * 5000, "yaml-syntax"),
    ],
)
def test_surprises_are_refused(text: str, rule: str) -> None:
    assert rules(text) == [rule]


def test_everything_that_is_wrong_in_a_file_is_found_at_once() -> None:
    assert sorted(rules("a: 1\na: 2\nb: !x 3\nc: .inf\n5: d")) == ["duplicate-key", "number", "yaml-key", "yaml-tag"]


def test_aliases_repeat_a_value() -> None:
    assert plain("a: &a {b: [1]}\nc: *a") == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_aliases_of_aliases_do_not_blow_up() -> None:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert rules("\n".join(lines)) == ["too-large"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_places_do_not_depend_on_line_ends(line_end: str) -> None:
    entry = parse_document(f"a: 1{line_end}b:{line_end}  c: xyz{line_end}", "a.yaml").get("b")
    assert entry is not None
    inner = entry.get("c")
    assert inner is not None
    assert (str(inner.origin), inner.origin.width, inner.origin.text) == ("a.yaml:3:6", 3, "  c: xyz")


def test_a_file_over_one_megabyte_is_refused_unread(folder: Path) -> None:
    path = folder / "big.yaml"
    path.write_text("a: 1\n" * 400_000, encoding="utf-8")
    with pytest.raises(SpecError, match="larger than 1 MB"):
        load(path)


def test_a_file_that_is_not_utf8_is_refused_with_its_line(folder: Path) -> None:
    (folder / "a.yaml").write_bytes(b"name: x\ndescription: \xff\n")
    with pytest.raises(SpecError, match="not UTF-8: byte 0xff in line 2"):
        load(Path("a.yaml"))


def test_a_byte_order_mark_is_no_part_of_the_first_key(folder: Path) -> None:
    text = "\ufeffspec_version: 1\nname: x\nmodels: [tiny]\n"
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    assert load(Path("a.yaml")).experiment.name == "x"
