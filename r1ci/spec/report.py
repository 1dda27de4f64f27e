"""Declared reports: which runs are compared, against what, and how the page is laid out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, NonNegativeInt, model_validator

from r1ci.spec.diagnostics import SpecError, did_you_mean
from r1ci.spec.layers import read_layer
from r1ci.spec.models import Section, refusal
from r1ci.spec.validate import validate

SectionId = Literal[
    "sweep",
    "verdict",
    "alerts",
    "leaderboard",
    "paper",
    "curves",
    "potential",
    "curriculum",
    "reward",
    "tasks",
    "interpreter",
    "behaviour",
    "trajectories",
    "changes",
    "cost",
    "provenance",
    "downloads",
    "methods",
]
"""The sections of a page, in their usual order; ``sweep`` only where one is among the runs, or where it is listed."""
SECTION_IDS: tuple[SectionId, ...] = get_args(SectionId)
TOP = "top"
"""The place of the note that stands before the first section."""


class Layout(Section):
    """What a page says of its own, and which sections it has."""

    title: str = ""
    """Title of the page; default: the names of the runs."""
    description: str = ""
    """A sentence below the title; default: what the specs say of themselves."""
    baseline: str | None = None
    """Variant that the others are compared with; default: the last spec's, else the last variant."""
    paper: bool = False
    """Show the figures that the paper published beside ours, in a table of their own that says where they are from."""
    sections: list[SectionId] | None = None
    """Only these, in this order; default: all, in the usual order."""
    exclude: list[SectionId] = []
    """All sections but these."""
    notes: dict[str, str] = {}
    """Markdown by the section that it stands in; ``top`` stands before all of them. No HTML, no images."""
    trajectories: NonNegativeInt | None = None
    """Most trajectories in the viewer, a seeded sample of those kept; default: as many as fit into 4 MB."""

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if self.sections is not None and self.exclude:
            raise refusal("sections says all that is shown, so there is nothing to exclude", at=("exclude",))
        listed = self.sections or []
        for index, name in enumerate(listed):
            if name in listed[:index]:
                raise refusal(f"{name} is listed twice", at=("sections", index), help="every one may be listed once")
            if name == "paper" and not self.paper:
                help = "paper: true, or leave the section out"
                raise refusal("the paper's figures are not asked for", at=("sections", index), help=help)
        places = (TOP, *SECTION_IDS)
        for place in self.notes:
            if place not in places:
                near = did_you_mean(place, places)
                raise refusal(f"no section is called '{place}'", at=("notes", place), allowed=places, help=near)
            if place != TOP and place not in self.shown:
                raise refusal(
                    f"a note for {place}, which is not shown", at=("notes", place), help="show it, or drop it"
                )
        return self

    @property
    def shown(self) -> tuple[SectionId, ...]:
        """The sections of the page, in its order; the paper's figures follow the leaderboard where no place is said."""
        if self.sections is None:
            kept = [name for name in SECTION_IDS if name not in self.exclude]
            return tuple(name for name in kept if name != "paper" or self.paper)
        if not self.paper or "paper" in self.sections:
            return tuple(self.sections)
        at = self.sections.index("leaderboard") + 1 if "leaderboard" in self.sections else len(self.sections)
        return (*self.sections[:at], "paper", *self.sections[at:])


class DeclaredReport(Layout):
    """A report file: what to compare, and how to lay it out."""

    report_version: Literal[1]
    """Version of the language of reports."""
    runs: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    """Names of experiments and sweeps in the store, or patterns of them (``paper-*``); all are compared in one page.
    A sweep brings a section of its own, and its best trials."""


def load_report(path: Path) -> DeclaredReport:
    """Read a report file; it may extend others, as specs do.

    Raises:
        SpecError: with everything that is wrong.
    """
    report, problems = validate(read_layer(path).tree, DeclaredReport)
    if report is None:
        raise SpecError(problems)
    return report
