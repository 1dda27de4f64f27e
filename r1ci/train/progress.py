"""How a train function tells of its progress, and is asked to stop, wherever it runs: small files in its folder."""

from __future__ import annotations

import json
from pathlib import Path

from r1ci.store.store import STOP
from r1ci.train.sharding import gather, rank

FILE = "progress.json"
STOPPED = "stopped"
"""Left where a train function stopped before its end because it was asked to."""


def tell(folder: Path, done: int, total: int, text: str) -> None:
    """Rank 0 replaces the file; readers never see half of one."""
    if rank():
        return
    part = folder / f".{FILE}"
    part.write_text(json.dumps({"done": done, "total": total, "text": text}))
    part.replace(folder / FILE)


def heard(folder: Path) -> tuple[int, int, str] | None:
    """What was told last."""
    try:
        data = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return None
    return data["done"], data["total"], data["text"]


def stop_asked(folder: Path) -> bool:
    """Whether this attempt is asked to stop (``Store.ask_to_stop``); to be called by all workers, who hear the same."""
    return gather([rank() == 0 and (folder / STOP).exists()])[0]


def tell_stopped(folder: Path) -> None:
    """Rank 0 leaves word that training stopped where it was asked to."""
    if rank() == 0:
        (folder / STOP).replace(folder / STOPPED)


def heard_stopped(folder: Path) -> bool:
    """Whether training stopped before its end; takes the word away."""
    try:
        (folder / STOPPED).unlink()
    except FileNotFoundError:
        return False
    return True
