"""Problems of counting and probability, of our own; official ones are read from files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1ci.tasks.base import Official, Sample, Task
from r1ci.tasks.params import read_params
from r1ci.tasks.symbench import mathematics
from r1ci.tasks.symbench.counting_problems import PROBLEMS
from r1ci.tasks.symbench.mathematics import Config

FORM = "Answer with a whole number or an exact fraction such as 7/12."


def read_official(sample: Sample) -> Official:
    """A problem and the last box of its solution."""
    return mathematics.read_official("math_counting_probability", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return mathematics.Mathematics(id, read_params(Config, params, id), PROBLEMS, FORM)
