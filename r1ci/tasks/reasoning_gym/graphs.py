"""Graphs: course_schedule, graph_color."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.anagrams import same_truth
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

_COLORED = re.compile(r"""["']?([0-9]{1,4})["']?\s{0,3}(?:=|:|->)\s{0,3}["']?([0-9]{1,4})["']?""")


@dataclass(frozen=True)
class CourseScheduleConfig:
    """Parameters of rg/course_schedule."""

    min_num_courses: int = param(5, "fewest courses", low=3, high=200)
    max_num_courses: int = param(10, "most courses", low=3, high=200, at_least="min_num_courses")
    min_num_prerequisites: int = param(1, "fewest prerequisites of a course", low=1, high=5)
    max_num_prerequisites: int = param(
        2, "most prerequisites of a course", low=1, high=5, at_least="min_num_prerequisites"
    )
    min_cycle_length: int = param(3, "fewest courses in a cycle", low=3, high=10)
    max_cycle_length: int = param(5, "most courses in a cycle", low=3, high=10, at_least="min_cycle_length")
    p_solvable: float = param(0.5, "share of schedules without a cycle made on purpose", low=0.0, high=1.0)
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_num_courses": 6},
        "medium": {},
        "hard": {"min_num_courses": 25, "max_num_courses": 50, "max_num_prerequisites": 3, "max_cycle_length": 6},
    }


@dataclass(frozen=True)
class GraphColorConfig:
    """Parameters of rg/graph_color."""

    num_colors: int = param(3, "colors", low=2, high=10)
    min_num_vertices: int = param(10, "fewest vertices", low=3, high=30)
    max_num_vertices: int = param(10, "most vertices", low=3, high=30, at_least="min_num_vertices")
    edge_probability: float = param(0.1, "share of pairs that are joined", low=0.01, high=0.4)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_num_vertices": 6},
        "medium": {"edge_probability": 0.2},
        "hard": {"min_num_vertices": 15, "max_num_vertices": 20, "edge_probability": 0.15},
    }


def is_coloring(question: Question, answer_text: str) -> bool:
    """A color for each vertex, no more and no less, two for each edge."""
    text = answers.word(answer_text)
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    pairs = [_COLORED.fullmatch(part) for part in parts[:1000]]
    colors = {int(pair[1]): int(pair[2]) for pair in pairs if pair}
    if None in pairs or len(pairs) != len(parts) or len(colors) != len(parts):
        return False
    if set(colors) != set(question.data["vertices"]) or not set(colors.values()) <= set(question.data["colors"]):
        return False
    return all(colors[a] != colors[b] for a, b in question.data["edges"])


def _graph(item: Item) -> Mapping[str, Any]:
    puzzle = item["metadata"]["puzzle"]
    return {
        "vertices": puzzle["vertices"],
        "edges": [list(edge) for edge in puzzle["edges"]],
        "colors": puzzle["color_options"],
    }


def _coloring(item: Item) -> str:
    return json.dumps({str(vertex): color for vertex, color in item["metadata"]["possible_answer"].items()})


def _has_edges(item: Item) -> bool:
    return bool(item["metadata"]["puzzle"]["edges"])


def _course_data(item: Item) -> Mapping[str, Any]:
    metadata = item["metadata"]
    return {"courses": len(metadata["courses"]), "needs": [list(pair) for pair in metadata["prerequisites"]]}


def _course_schedule(data: Mapping[str, Any]) -> str:
    return f"""\
left = set(range({data["courses"]}))
needs = {data["needs"]}
while True:
    ready = {{c for c in left if not any(a == c and b in left for a, b in needs)}}
    if not ready:
        break
    left -= ready
print(not left)"""


def _graph_color(data: Mapping[str, Any]) -> str:
    return f"""\
import json
vertices, edges, colors = {data["vertices"]}, {data["edges"]}, {data["colors"]}
near = {{v: [b if a == v else a for a, b in edges if v in (a, b)] for v in vertices}}
order = sorted(vertices, key=lambda v: -len(near[v]))
def search(i, chosen):
    if i == len(order):
        return chosen
    v = order[i]
    for color in colors:
        if all(chosen.get(u) != color for u in near[v]):
            found = search(i + 1, {{**chosen, v: color}})
            if found:
                return found
found = search(0, {{}})
print(json.dumps({{str(v): found[v] for v in vertices}}))"""


ROWS = {
    "rg/course_schedule": Row(CourseScheduleConfig, (), same_truth, _course_schedule, derive=_course_data),
    "rg/graph_color": Row(
        GraphColorConfig, (), is_coloring, _graph_color, derive=_graph, answer=_coloring, fits=_has_edges
    ),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
