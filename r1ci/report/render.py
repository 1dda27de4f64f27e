"""Templates to text: autoescaped, and an undefined name is an error."""

from __future__ import annotations

import functools
import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from r1ci.report import text


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("r1ci.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    numbers = (text.percent, text.points, text.bounds, text.p_value, text.number, text.signed)
    for function in (*numbers, text.duration, text.plural, text.left_out):
        environment.filters[function.__name__] = function
    return environment


def render(template: str, **values: Any) -> Markup:
    """A template of r1ci/report/templates, filled."""
    return Markup(_environment().get_template(template).render(**values))


def source(name: str) -> str:
    """A style sheet or script beside the templates, as it is."""
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def embed(value: Any) -> Markup:
    """JSON that may stand inside a script element: no character of it can end or open one."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
