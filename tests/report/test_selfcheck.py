"""The detector of programs that check themselves, held against programs labelled by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from r1ci.report.selfcheck import MAX_CHARACTERS, PRECISION, RECALL, RULES, checks_itself, evidence


def labelled(name: str) -> dict[str, tuple[bool, str]]:
    """Label and code of the programs of a file, by name."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    programs = {}
    for block in text.split("\n### ")[1:]:
        head, _, code = block.partition("\n")
        label, _, title = head.partition(" ")
        programs[title] = (label == "yes", code)
    return programs


def figures(programs: dict[str, tuple[bool, str]]) -> tuple[set[str], set[str]]:
    """Programs flagged wrongly, and programs missed."""
    flagged = {title for title, (_, code) in programs.items() if checks_itself(code)}
    labels = {title for title, (label, _) in programs.items() if label}
    return flagged - labels, labels - flagged


@pytest.mark.parametrize(
    ("name", "programs", "precision", "recall"),
    [("selfcheck_programs.txt", 100, 1.0, 0.889), ("selfcheck_held_out.txt", 60, PRECISION, RECALL)],
)
def test_precision_and_recall_are_those_that_are_reported(
    name: str, programs: int, precision: float, recall: float
) -> None:
    of = labelled(name)
    wrong, missed = figures(of)
    positives = sum(label for label, _ in of.values())
    found = positives - len(missed)
    assert len(of) == programs
    assert found / (found + len(wrong)) == pytest.approx(precision, abs=0.005), wrong
    assert found / positives == pytest.approx(recall, abs=0.005), missed


@pytest.mark.parametrize(
    ("rule", "title"),
    [
        ("assertion", "gcd-assert"),
        ("verifier", "sudoku-checked"),
        ("comparison", "decode-encode"),
        ("report", "closed-form"),
        ("failure", "count-letters-twice"),
    ],
)
def test_every_rule_finds_its_example(rule: str, title: str) -> None:
    assert rule in evidence(labelled("selfcheck_programs.txt")[title][1])


@pytest.mark.parametrize("title", ["input-guard", "type-guard", "palindrome-question", "divisible-question"])
def test_guards_and_questions_are_no_checks(title: str) -> None:
    assert evidence(labelled("selfcheck_programs.txt")[title][1]) == ()


@pytest.mark.parametrize(
    "code", ["", "def (", "\0", "(" * 5000, "-" * 15000 + "1", "x = '\\d'", "a" * (MAX_CHARACTERS + 1)]
)
def test_text_of_any_kind_is_read_without_an_error(code: str) -> None:
    assert evidence(code) == ()


def test_the_rules_are_named_in_their_order() -> None:
    found = evidence("x = 1\ny = x + 2\nassert y == x\nif y != x:\n    raise ValueError\nprint(y)")
    assert found == tuple(rule for rule in RULES if rule in found) == ("assertion", "failure")
