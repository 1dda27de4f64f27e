"""The environment of a job: the packages that r1ci needs, in the versions that are installed here."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LEFT_OUT = ("r1ci", "ray")
"""r1ci is sent as code; Ray is the cluster's own, and a job may not change it."""
FOR_DEVELOPERS = "dev"


def pinned() -> list[str]:
    """``name==version`` of everything that r1ci depends on and that is installed here, for pip, sorted.

    Optional packages are among them where they are installed. Local versions (``+cpu``) are left off: they name a build
    for this machine.
    """
    found: dict[str, str] = {}
    waiting = list(_needed("r1ci", _extras()))
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        version = _version(name)
        if version is None:
            continue
        new = name not in found
        found[name] = version.partition("+")[0]
        if new or requirement.extras:
            waiting += [each for each in _needed(name, requirement.extras) if canonicalize_name(each.name) not in found]
    return sorted(f"{name}=={version}" for name, version in found.items() if name not in LEFT_OUT)


def _extras() -> set[str]:
    try:
        declared = importlib.metadata.metadata("r1ci").get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:
        declared = []
    return set(declared) - {FOR_DEVELOPERS}


def _needed(name: str, extras: set[str]) -> Iterator[Requirement]:
    """What an installed package requires here, with these of its extras."""
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
