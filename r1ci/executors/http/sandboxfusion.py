"""The run_code request and response of SandboxFusion, from both sides.

Python only. A run_code request has no sessions, and its answer knows neither isolation nor memory nor CPU time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from r1ci.executors.capture import Capture
from r1ci.executors.http.wire import FieldError, Fields, encoded_files
from r1ci.executors.protocol import Execution, Program, Status

LANGUAGE = "python"
DEFAULT_TIMEOUT_S = 10.0
"""run_timeout of a request that does not say."""
_KILLED = -9
"""Return code of a program that was killed at a limit."""
UNKNOWN_ISOLATION = ("the isolation of a SandboxFusion server is not known",)


class UnsupportedLanguage(FieldError):
    """A request for another language than Python."""


# ---------------------------------------------------------------- our server answers


def read_request(data: Mapping[str, Any]) -> Program:
    """The program of a run_code request; keys that are not known are ignored. Raises FieldError."""
    fields = Fields(data)
    language = fields.text("language")
    if language != LANGUAGE:
        raise UnsupportedLanguage("language", f"{language!r} is not run here; this server runs {LANGUAGE!r} only")
    fields.number("compile_timeout", None)
    if fields.strings("fetch_files"):
        fields.refuse("fetch_files", "files cannot be fetched from this server; print what you need")
    memory_mb = fields.integer("memory_limit_MB", -1)
    return Program(
        code=fields.text("code"),
        stdin=fields.text("stdin", ""),
        files=fields.files("files"),
        timeout_s=fields.number("run_timeout", DEFAULT_TIMEOUT_S),
        memory_mb=None if memory_mb == -1 else memory_mb,
    )


def response(execution: Execution) -> dict[str, Any]:
    """The run_code response for an execution."""
    status = "Success" if execution.status is Status.OK else "Failed"
    ended, code, stderr = "Finished", execution.exit_code, execution.stderr
    match execution.status:
        case Status.INFRASTRUCTURE:
            status = "SandboxError"
        case Status.TIMEOUT | Status.CPU:
            ended, code = "TimeLimitExceeded", None
        case Status.REJECTED:
            ended, code, stderr = "Error", None, execution.reason
        case Status.OK:
            code = 0
        case _:
            code = code or _KILLED
    result = {
        "status": ended,
        "execution_time": execution.wall_s,
        "return_code": code,
        "stdout": execution.stdout,
        "stderr": stderr,
    }
    return {
        "status": status,
        "message": execution.reason,
        "compile_result": None,
        "run_result": None if execution.status is Status.INFRASTRUCTURE else result,
        "executor_pod_name": execution.node or None,
        "files": {},
    }


# ---------------------------------------------------------------- our client asks


def request(program: Program, timeout_s: float, memory_mb: int) -> dict[str, Any]:
    """The run_code request for a program with its limits."""
    return {
        "language": LANGUAGE,
        "code": program.code,
        "stdin": program.stdin,
        "compile_timeout": timeout_s,
        "run_timeout": timeout_s,
        "memory_limit_MB": memory_mb,
        "files": encoded_files(program.files),
        "fetch_files": [],
    }


def unsendable(program: Program) -> str | None:
    """Why a program cannot be given to a SandboxFusion; None if it can."""
    if program.session:
        return "a program of a session, but a SandboxFusion has none"
    for name, text in (("code", program.code), ("stdin", program.stdin), *((name, name) for name in program.files)):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return f"{name} holds a lone surrogate at {error.start}, which cannot be sent to a SandboxFusion"
    return None


def read_response(data: Mapping[str, Any], max_output_bytes: int) -> Execution:
    """The execution that a run_code response tells of. Raises ValueError for anything that is not one."""
    status, message = data.get("status"), str(data.get("message") or "")
    if status == "SandboxError":
        return Execution(Status.INFRASTRUCTURE, missing=UNKNOWN_ISOLATION, reason=message or "SandboxError")
    result = data.get("run_result") or data.get("compile_result")
    if status not in ("Success", "Failed") or not isinstance(result, Mapping):
        raise ValueError(f"not a run_code response: status {status!r}, run_result {type(result).__name__}")
    fields = Fields(result)
    code = fields.integer("return_code", None)
    ended, reason = _ended(str(result.get("status")), code, message)
    stdout, stderr = Capture("stdout", max_output_bytes), Capture("stderr", max_output_bytes)
    stdout.add(fields.text("stdout", "").encode("utf-8", "replace"))
    stderr.add(fields.text("stderr", "").encode("utf-8", "replace"))
    return Execution(
        ended,
        stdout=stdout.text(),
        stderr=stderr.text(),
        exit_code=None if ended in (Status.TIMEOUT, Status.REJECTED) else code,
        stdout_bytes=stdout.total,
        stderr_bytes=stderr.total,
        stdout_truncated=stdout.truncated,
        stderr_truncated=stderr.truncated,
        wall_s=fields.number("execution_time", 0.0) or 0.0,
        missing=UNKNOWN_ISOLATION,
        node=str(data.get("executor_pod_name") or ""),
        reason=reason,
    )


def _ended(status: str, code: int | None, message: str) -> tuple[Status, str]:
    match status:
        case "TimeLimitExceeded":
            return Status.TIMEOUT, message
        case "Error":
            return Status.REJECTED, message or "the server could not run it"
        case "Finished" if code is not None:
            if code < 0:
                return Status.SIGNAL, message or f"signal {-code}"
            return (Status.ERROR if code else Status.OK), message
        case _:
            raise ValueError(f"not a run_code response: run_result.status {status!r}, return_code {code!r}")
