"""Problems of geometry, of our own; official ones are read from files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1ci.tasks.base import Official, Sample, Task
from r1ci.tasks.params import read_params
from r1ci.tasks.symbench import mathematics
from r1ci.tasks.symbench.geometry_problems import PROBLEMS
from r1ci.tasks.symbench.mathematics import Config

FORM = "Answer with an exact number, such as 7/3, 5*sqrt(2) or 3*pi/4."


def read_official(sample: Sample) -> Official:
    """A problem and the last box of its solution."""
    return mathematics.read_official("math_geometry", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return mathematics.Mathematics(id, read_params(Config, params, id), PROBLEMS, FORM)
