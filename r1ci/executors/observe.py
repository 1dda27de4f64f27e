"""What a model is told about its program: a pure function of the execution."""

from __future__ import annotations

from r1ci.executors.limits import cpu_limit_s, hard_output_bytes
from r1ci.executors.protocol import Execution, Status
from r1ci.spec.models import ExecutorLimits

STDERR_LINES = 10
"""Last lines of stderr that are shown; the exception is the last of them."""


def observation(execution: Execution, limits: ExecutorLimits) -> str:
    """The text shown to the model, without a trailing newline and never empty.

    What the program printed comes first, then, unless it ended well, the last lines of stderr and what stopped it.
    """
    stdout = execution.stdout.rstrip()
    parts = [stdout] if stdout else []
    if execution.status is not Status.OK or not stdout:
        parts += _last_lines(execution.stderr)
    parts += _stopped_by(execution, limits)
    if not parts:
        parts = ["(no output; use print to see a value)"]
    if execution.stdout_truncated:
        parts.append("(the output was too long; its middle is left out)")
    if execution.session_lost:
        parts.append("(what earlier programs defined is lost; define it again)")
    return "\n".join(parts)


def _last_lines(stderr: str) -> list[str]:
    lines = stderr.rstrip().splitlines()
    if len(lines) <= STDERR_LINES:
        return lines
    return ["...", *lines[-STDERR_LINES:]]


def _stopped_by(execution: Execution, limits: ExecutorLimits) -> list[str]:
    match execution.status:
        case Status.TIMEOUT:
            return [f"TimeoutExpired: the program timed out after {limits.timeout_s:g} seconds"]
        case Status.CPU:
            return [f"TimeoutExpired: the program used more than {cpu_limit_s(limits):g} seconds of CPU time"]
        case Status.MEMORY:
            return [f"The program needed more than {limits.memory_mb} MB of memory"]
        case Status.OUTPUT:
            default = f"wrote more than {hard_output_bytes(limits.max_output_bytes)} bytes"
            return [f"The program was stopped: it {execution.reason or default}"]
        case Status.SIGNAL:
            return [f"The program crashed: {execution.reason}"]
        case Status.REJECTED:
            return [f"The program was not run: {execution.reason}"]
        case Status.INFRASTRUCTURE:
            return ["The program could not be run"]
        case Status.ERROR if execution.exit_code is None and execution.reason:
            return [f"The program failed: {execution.reason}; what it changed is undone"]
        case Status.ERROR if not execution.stderr.strip():
            return [f"The program exited with code {execution.exit_code}"]
        case _:
            return []
