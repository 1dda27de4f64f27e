"""The Ray cluster that this process works on: joined where there is one, else started on this machine.

``RAY_ADDRESS`` names it; without that, the file that ``ray start`` leaves on this machine does. The file stays behind
when the cluster is gone, and Ray would try to reach it for minutes and then give up: nobody answers there, so a
cluster is started here. One that ``RAY_ADDRESS`` asks for is not replaced by another.
"""

from __future__ import annotations

import logging
import os
import re
import socket

from r1ci.errors import EnvironmentMissing

ANSWER_S = 5.0
"""How long a cluster's head may take to accept a connection."""


def connect() -> bool:
    """Connect this process to Ray, where it is not connected. Returns whether it was this call that did.

    Raises:
        EnvironmentMissing: nobody answers where ``RAY_ADDRESS`` says, or Ray does not start.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        return False
    where = address()
    try:
        ray.init(where, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises no kind of its own here
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise EnvironmentMissing(f"Ray does not start: {said}", "try again where the machine has less to do") from error
    return True


def address() -> str | None:
    """What Ray is to be told: ``local`` to start a cluster; None to go where it would go by itself.

    Raises:
        EnvironmentMissing: nobody answers where ``RAY_ADDRESS`` says.
    """
    asked = os.environ.get("RAY_ADDRESS")
    if asked and asked != "auto":
        if re.fullmatch(r"[^/]+:\d+", asked) and not _answers(asked):
            raise EnvironmentMissing(
                f"no Ray cluster answers at {asked}, which RAY_ADDRESS names",
                "correct it, start that cluster, or unset RAY_ADDRESS to start one on this machine",
            )
        return None
    from ray._private.services import find_bootstrap_address

    left = find_bootstrap_address(None)
    return None if left and _answers(left) else "local"


def _answers(where: str) -> bool:
    host, _, port = where.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError:
        return False
    return True
