"""What README and docs/cli.md say of the command line is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from r1ci.cli.main import VERBS
from r1ci.cli.main import __doc__ as exit_codes

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGE = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")


def test_the_spec_in_the_readme_checks_without_a_warning(cli: Any) -> None:
    match = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert match is not None
    Path("my-idea.yaml").write_text(match[1])
    result = cli("check", "my-idea.yaml")
    assert (result.code, result.err) == (0, "")
    assert len(match[1].splitlines()) <= 12


def test_the_spec_that_new_writes_checks_without_a_warning(cli: Any) -> None:
    cli("new", "spec", "mine")
    assert cli("check", "mine").err == ""


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_of_the_command_line_names_every_verb(verb: str) -> None:
    assert re.search(rf"^r1ci {verb} ", PAGE, re.MULTILINE)


def test_page_and_code_agree_on_the_exit_codes() -> None:
    assert exit_codes is not None
    said = re.findall(r"^    (\d+) ", exit_codes, re.MULTILINE)
    assert said == re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)


def test_targets_in_the_readme_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make (\w+)", README)) - {"says"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
