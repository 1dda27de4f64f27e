"""Whether the nodes of a Ray cluster see the same folder: steps and training write the store from all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from r1ci.errors import EnvironmentMissing

ANSWER_S = 60.0
"""How long a node may take to look; one that is busy or going away is not held against the store."""

Ask = Callable[[Path, str], Mapping[str, bool]]
"""Asks every node whether a file there holds a text: the answers by name of the node."""


def require_shared(folder: Path) -> None:
    """Raise EnvironmentMissing, naming the nodes, where a node of the cluster does not see what is written here."""
    blind = unseen(folder, ask_nodes)
    if blind:
        raise EnvironmentMissing(
            f"the store {folder} is not shared: {', '.join(blind)} {'does' if len(blind) == 1 else 'do'} not see what "
            "this process writes there",
            "put the store (--root), or with a store behind a URL its working copy (R1CI_CACHE), on a file system that "
            "every node mounts at the same path",
        )


def unseen(folder: Path, ask: Ask) -> Sequence[str]:
    """The nodes that do not see what is written in a folder, sorted."""
    token = uuid.uuid4().hex
    mark = folder / f".shared-{token}"
    mark.write_text(token, encoding="utf-8")
    try:
        answers = ask(mark.resolve(), token)
    finally:
        mark.unlink(missing_ok=True)
    return sorted(node for node, sees in answers.items() if not sees)


def ask_nodes(path: Path, text: str) -> Mapping[str, bool]:
    """Ask the nodes of the cluster that this process is connected to, except its own where it is the only one."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if len(nodes) < 2:
        return {}
    asked = {}
    for node in nodes:
        strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        name = f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})"
        asked[ray.remote(_holds).options(num_cpus=0, scheduling_strategy=strategy).remote(str(path), text)] = name
    ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_S)
    answers = {}
    for reference in ready:
        try:
            answers[asked[reference]] = bool(ray.get(reference))
        except ray.exceptions.RayError:
            continue  # the node went away
    return answers


def _holds(path: str, text: str) -> bool:
    try:
        return Path(path).read_text(encoding="utf-8") == text
    except OSError:
        return False
