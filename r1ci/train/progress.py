"""How a train function tells of its progress from wherever it runs: a small file in the attempt's folder."""

from __future__ import annotations

import json
from pathlib import Path

from r1ci.train.sharding import rank

FILE = "progress.json"


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
