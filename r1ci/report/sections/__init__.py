"""The sections of a report, in the order of the page. To add one: its file, its template, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.sections.alerts import alerts_data, alerts_html
from r1ci.report.sections.behaviour import behaviour_data, behaviour_html
from r1ci.report.sections.changes import changes_data, changes_html
from r1ci.report.sections.cost import cost_data, cost_html
from r1ci.report.sections.curriculum import curriculum_data, curriculum_html
from r1ci.report.sections.curves import curves_data, curves_html
from r1ci.report.sections.downloads import downloads_data, downloads_html
from r1ci.report.sections.interpreter import interpreter_data, interpreter_html
from r1ci.report.sections.leaderboard import leaderboard_data, leaderboard_html
from r1ci.report.sections.methods import methods_data, methods_html
from r1ci.report.sections.paper import paper_data, paper_html
from r1ci.report.sections.potential import potential_data, potential_html
from r1ci.report.sections.provenance import provenance_data, provenance_html
from r1ci.report.sections.reward import reward_data, reward_html
from r1ci.report.sections.sweep import sweep_data, sweep_html
from r1ci.report.sections.tasks import tasks_data, tasks_html
from r1ci.report.sections.trajectories import trajectories_data, trajectories_html
from r1ci.report.sections.verdict import verdict_data, verdict_html

__all__ = ["SECTIONS", "Section"]


@dataclass(frozen=True)
class Section:
    """One part of the page: ``data`` computes a frozen object, ``html`` only draws it."""

    id: str
    title: str
    data: Callable[[Comparison], Any]
    html: Callable[[Any], Markup]


SECTIONS = (
    Section("sweep", "Sweep", sweep_data, sweep_html),
    Section("verdict", "Verdict", verdict_data, verdict_html),
    Section("alerts", "Alerts", alerts_data, alerts_html),
    Section("leaderboard", "Leaderboard", leaderboard_data, leaderboard_html),
    Section("paper", "Published figures", paper_data, paper_html),
    Section("curves", "Learning curves", curves_data, curves_html),
    Section("potential", "Potential and groups", potential_data, potential_html),
    Section("curriculum", "Curriculum", curriculum_data, curriculum_html),
    Section("reward", "Reward", reward_data, reward_html),
    Section("tasks", "Task by task", tasks_data, tasks_html),
    Section("interpreter", "Interpreter", interpreter_data, interpreter_html),
    Section("behaviour", "Use of code", behaviour_data, behaviour_html),
    Section("trajectories", "Trajectories", trajectories_data, trajectories_html),
    Section("changes", "What differs", changes_data, changes_html),
    Section("cost", "Cost", cost_data, cost_html),
    Section("provenance", "Provenance", provenance_data, provenance_html),
    Section("downloads", "Data", downloads_data, downloads_html),
    Section("methods", "Methods", methods_data, methods_html),
)
