import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.executors.observe import observation
from r1ci.executors.protocol import Execution, Status
from r1ci.spec.models import ExecutorLimits

LIMITS = ExecutorLimits(timeout_s=60, memory_mb=512)
TRACE = (
    'Traceback (most recent call last):\n  File "main.py", line 1, in <module>\nZeroDivisionError: division by zero\n'
)


@pytest.mark.parametrize(
    ("execution", "text"),
    [
        (Execution(Status.OK, stdout="42\n", stderr="DeprecationWarning\n"), "42"),
        (Execution(Status.OK), "(no output; use print to see a value)"),
        (Execution(Status.OK, stderr="only here\n"), "only here"),
        (Execution(Status.ERROR, stdout="1\n", stderr=TRACE, exit_code=1), "1\n" + TRACE.rstrip()),
        (Execution(Status.ERROR, exit_code=3), "The program exited with code 3"),
        (
            Execution(Status.TIMEOUT, stdout="trying 1\n"),
            "trying 1\nTimeoutExpired: the program timed out after 60 seconds",
        ),
        (Execution(Status.CPU), "TimeoutExpired: the program used more than 61 seconds of CPU time"),
        (
            Execution(Status.MEMORY, stderr="MemoryError\n"),
            "MemoryError\nThe program needed more than 512 MB of memory",
        ),
        (Execution(Status.SIGNAL, reason="killed by SIGSEGV"), "The program crashed: killed by SIGSEGV"),
        (Execution(Status.OUTPUT), "The program was stopped: it wrote more than 8388608 bytes"),
        (
            Execution(Status.OUTPUT, reason="wrote more than 64 MB of files"),
            "The program was stopped: it wrote more than 64 MB of files",
        ),
        (Execution(Status.REJECTED, reason="it is too long"), "The program was not run: it is too long"),
        (
            Execution(Status.ERROR, reason="it ended its process"),
            "The program failed: it ended its process; what it changed is undone",
        ),
        (
            Execution(Status.OK, stdout="1\n", session_lost=True),
            "1\n(what earlier programs defined is lost; define it again)",
        ),
        (Execution(Status.INFRASTRUCTURE), "The program could not be run"),
        (
            Execution(Status.OK, stdout="a\n... 9 bytes left out ...\nb\n", stdout_truncated=True),
            "a\n... 9 bytes left out ...\nb\n(the output was too long; its middle is left out)",
        ),
    ],
)
def test_the_model_reads(execution: Execution, text: str) -> None:
    assert observation(execution, LIMITS) == text


def test_a_long_traceback_keeps_its_end() -> None:
    stderr = "\n".join(f"line {n}" for n in range(50))
    lines = observation(Execution(Status.ERROR, stderr=stderr), LIMITS).splitlines()
    assert lines == ["...", *[f"line {n}" for n in range(40, 50)]]


@given(status=st.sampled_from(Status), stdout=st.text(max_size=20), stderr=st.text(max_size=20))
def test_it_is_never_empty(status: Status, stdout: str, stderr: str) -> None:
    assert observation(Execution(status, stdout=stdout, stderr=stderr), LIMITS).strip()
