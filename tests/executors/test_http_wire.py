"""Requests and answers as JSON, admission, and the Prometheus text: everything that needs no connection."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from r1ci.executors.http import sandboxfusion, wire
from r1ci.executors.http.gate import Client, Gate, Refusal, client_of, session_key
from r1ci.executors.http.prometheus import exposition
from r1ci.executors.metrics import Metrics
from r1ci.executors.protocol import Execution, Program, Status

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates and NUL too
PROGRAMS = st.builds(
    Program,
    code=ANY_TEXT,
    stdin=ANY_TEXT,
    files=st.dictionaries(ANY_TEXT, st.binary(max_size=50), max_size=3),
    session=ANY_TEXT,
    timeout_s=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    memory_mb=st.none() | st.integers(),
)
EXECUTIONS = st.builds(
    Execution,
    status=st.sampled_from(Status),
    stdout=ANY_TEXT,
    stderr=ANY_TEXT,
    exit_code=st.none() | st.integers(-64, 255),
    stdout_bytes=st.integers(0),
    wall_s=st.floats(0, 1e6),
    missing=st.lists(ANY_TEXT, max_size=3).map(tuple),
    session_lost=st.booleans(),
    reason=ANY_TEXT,
)


def sent(value: Any) -> dict[str, Any]:
    """A JSON object after its way over the wire."""
    return wire.read_object(json.dumps(value).encode())


@given(PROGRAMS)
def test_a_program_arrives_as_it_was_sent(program: Program) -> None:
    assert wire.read_program(sent(wire.program_json(program))) == program


@given(EXECUTIONS)
def test_an_execution_arrives_as_it_was_sent(execution: Execution) -> None:
    assert wire.read_execution(sent(wire.execution_json(execution))) == execution


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"code": "\xff"}', "not UTF-8: byte 10"),
        (b'{"timeout_s": NaN}', "NaN is not JSON"),
        (b'{"timeout_s": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "must be a JSON object, not a list"),
        (b"null", "must be a JSON object, not null"),
    ],
)
def test_a_body_that_is_no_object_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(wire.FieldError) as caught:
        wire.read_object(body)
    assert caught.value.field == ""
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("data", "field", "said"),
    [
        ({}, "code", "is missing"),
        ({"code": None}, "code", "is missing"),
        ({"code": 3}, "code", "must be a string, not a number"),
        ({"code": "", "stdin": []}, "stdin", "must be a string, not a list"),
        ({"code": "", "timeout_s": "1"}, "timeout_s", "must be a number, not a string"),
        ({"code": "", "timeout_s": True}, "timeout_s", "must be a number, not a boolean"),
        ({"code": "", "timeout_s": 10**400}, "timeout_s", "too large"),
        ({"code": "", "memory_mb": 1.5}, "memory_mb", "must be a whole number"),
        ({"code": "", "files": ["a"]}, "files", "must be an object"),
        ({"code": "", "files": {"a.txt": "*"}}, "files['a.txt']", "is not base64"),
        ({"code": "", "files": {"a.txt": 1}}, "files['a.txt']", "must be a base64 string"),
        ({"code": "", "timeout": 1}, "timeout", "is not known; known: code"),
    ],
)
def test_a_wrong_field_is_named(data: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(wire.FieldError) as caught:
        wire.read_program(data)
    assert caught.value.field == field
    assert said in caught.value.message


def test_a_wrong_field_of_a_batch_is_named_with_its_place() -> None:
    with pytest.raises(wire.FieldError) as caught:
        wire.read_programs({"programs": [{"code": ""}, {"code": 1}]})
    assert caught.value.field == "programs[1].code"
    with pytest.raises(wire.FieldError, match="must be an object"):
        wire.read_programs({"programs": [3]})


@pytest.mark.parametrize("change", [{"status": "fine"}, {"stdout": 3}, {"missing": "x"}, {"wall_s": "1"}, {"more": 1}])
def test_what_is_no_execution_is_not_taken_for_one(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not an execution"):
        wire.read_execution({**wire.execution_json(Execution(Status.OK)), **change})


# ---------------------------------------------------------------- SandboxFusion


def test_a_run_code_request_becomes_a_program() -> None:
    program = sandboxfusion.read_request(
        {
            "code": "print(1)",
            "language": "python",
            "compile_timeout": 10,
            "run_timeout": 5,
            "memory_limit_MB": -1,
            "stdin": None,
            "files": {"a.txt": base64.b64encode(b"x").decode(), "b.txt": None},
            "fetch_files": [],
            "args": [],
        }
    )
    assert program == Program("print(1)", files={"a.txt": b"x"}, timeout_s=5.0)


def test_a_bare_run_code_request_has_the_default_limit() -> None:
    assert sandboxfusion.read_request({"code": "", "language": "python"}).timeout_s == sandboxfusion.DEFAULT_TIMEOUT_S


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"code": ""}, "language"),
        ({"code": "", "language": "cpp"}, "language"),
        ({"code": 1, "language": "python"}, "code"),
        ({"code": "", "language": "python", "fetch_files": ["out.txt"]}, "fetch_files"),
        ({"code": "", "language": "python", "compile_timeout": "10"}, "compile_timeout"),
    ],
)
def test_a_wrong_run_code_request_names_its_field(data: dict[str, Any], field: str) -> None:
    with pytest.raises(wire.FieldError) as caught:
        sandboxfusion.read_request(data)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("execution", "status", "run_status", "code"),
    [
        (Execution(Status.OK, exit_code=0), "Success", "Finished", 0),
        (Execution(Status.ERROR, exit_code=3), "Failed", "Finished", 3),
        (Execution(Status.TIMEOUT), "Failed", "TimeLimitExceeded", None),
        (Execution(Status.CPU), "Failed", "TimeLimitExceeded", None),
        (Execution(Status.MEMORY), "Failed", "Finished", -9),
        (Execution(Status.OUTPUT), "Failed", "Finished", -9),
        (Execution(Status.SIGNAL, exit_code=-11), "Failed", "Finished", -11),
        (Execution(Status.REJECTED, reason="too long"), "Failed", "Error", None),
    ],
)
def test_every_ending_has_its_run_code_response(
    execution: Execution, status: str, run_status: str, code: int | None
) -> None:
    answer = sandboxfusion.response(execution)
    assert (answer["status"], answer["run_result"]["status"]) == (status, run_status)
    assert answer["run_result"]["return_code"] == code
    assert answer["message"] == execution.reason


def test_an_infrastructure_failure_is_a_sandbox_error_without_a_result() -> None:
    answer = sandboxfusion.response(Execution(Status.INFRASTRUCTURE, reason="no zygote"))
    assert (answer["status"], answer["message"], answer["run_result"]) == ("SandboxError", "no zygote", None)


def ended(status: str, result: dict[str, Any] | None, **more: Any) -> Execution:
    return sandboxfusion.read_response({"status": status, "message": "", "run_result": result, **more}, 1000)


def finished(code: int | None, **more: Any) -> dict[str, Any]:
    return {"status": "Finished", "execution_time": 0.5, "return_code": code, "stdout": "o", "stderr": "e", **more}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (ended("Success", finished(0)), Status.OK),
        (ended("Failed", finished(1)), Status.ERROR),
        (ended("Failed", finished(-11)), Status.SIGNAL),
        (ended("Failed", finished(None, status="TimeLimitExceeded")), Status.TIMEOUT),
        (ended("Failed", finished(None, status="Error")), Status.REJECTED),
        (ended("Failed", None, compile_result=finished(1)), Status.ERROR),
    ],
)
def test_a_run_code_response_becomes_an_execution(answer: Execution, status: Status) -> None:
    assert answer.status is status
    assert (answer.stdout, answer.stderr, answer.wall_s) == ("o", "e", 0.5)
    assert (answer.isolation, answer.missing) == ("", sandboxfusion.UNKNOWN_ISOLATION)


def test_a_sandbox_error_is_never_the_programs() -> None:
    answer = ended("SandboxError", finished(1), message="pod lost")
    assert (answer.status, answer.reason) == (Status.INFRASTRUCTURE, "pod lost")


@pytest.mark.parametrize(
    "data", [{}, {"status": "Success"}, {"status": "Success", "run_result": {"status": "?"}}, {"detail": "no"}]
)
def test_what_is_no_run_code_response_is_not_taken_for_one(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a run_code response"):
        sandboxfusion.read_response(data, 1000)


def test_long_output_of_a_sandboxfusion_is_cut() -> None:
    answer = ended("Success", finished(0, stdout="x" * 5000))
    assert (answer.stdout_truncated, answer.stdout_bytes) == (True, 5000)
    assert "4000 bytes left out" in answer.stdout


@given(EXECUTIONS.filter(lambda execution: execution.status is not Status.INFRASTRUCTURE))
def test_our_own_run_code_response_can_be_read(execution: Execution) -> None:
    execution = replace(execution, exit_code={Status.OK: 0, Status.ERROR: 1}.get(execution.status, execution.exit_code))
    read = sandboxfusion.read_response(sent(sandboxfusion.response(execution)), 10**6)
    assert (read.status is Status.OK) == (execution.status is Status.OK)
    assert read.status is not Status.INFRASTRUCTURE


@pytest.mark.parametrize(
    "program",
    [Program("", session="s"), Program("'\ud800'"), Program("", "\udfff"), Program("", files={"\ud800": b""})],
)
def test_what_a_sandboxfusion_cannot_be_told_has_a_reason(program: Program) -> None:
    assert sandboxfusion.unsendable(program)


def test_a_plain_program_can_be_told() -> None:
    assert sandboxfusion.unsendable(Program("print('\0')", "in", {"a": b"\xff"})) is None


# ---------------------------------------------------------------- tokens and places


def test_the_token_may_be_a_bearer_or_the_password_of_basic() -> None:
    tokens = ("first", "second")
    basic = base64.b64encode(b"anyone:second").decode()
    assert client_of("Bearer first", "a", tokens) == Client(0, "a")
    assert client_of("bearer  second", "a", tokens) == Client(1, "a")
    assert client_of(f"Basic {basic}", "a", tokens) == Client(1, "a")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", "token_missing"),
        ("Bearer", "token_missing"),
        ("Digest x", "token_missing"),
        ("Basic *", "token_missing"),
        ("Bearer wrong", "token_wrong"),
        ("Bearer \udcff", "token_wrong"),
        ("Basic Og==", "token_wrong"),
    ],
)
def test_without_the_token_nobody_is_a_client(header: str, name: str) -> None:
    with pytest.raises(Refusal) as caught:
        client_of(header, "a", ("right",))
    assert (caught.value.code, caught.value.name) == (401, name)


def test_equal_session_names_of_different_clients_do_not_meet() -> None:
    clients = [
        (Client(0, "a"), ""),
        (Client(1, "a"), ""),
        (Client(0, "b"), ""),
        (Client(0, "a"), "i"),
        (Client(0, ""), ""),
    ]
    keys = {session_key(client, instance, "s") for client, instance in clients}
    assert len(keys) == len(clients)
    assert session_key(Client(0, "a"), "i", "") == ""


def test_places_are_bounded_per_client_and_in_all_and_come_back() -> None:
    gate = Gate(per_client=2, in_all=3)
    one, other = Client(0, "a"), Client(0, "b")
    with gate.places(one, 2):
        with pytest.raises(Refusal, match="per client"), gate.places(one, 1):
            pass
        with gate.places(other, 1), pytest.raises(Refusal, match="in all"), gate.places(other, 1):
            pass
    assert gate.held == 0


# ---------------------------------------------------------------- Prometheus


def test_the_metrics_text_can_be_scraped() -> None:
    metrics = Metrics()
    metrics.record(Execution(Status.OK, wall_s=0.003, tier="std", isolation="strict"))
    metrics.record(Execution(Status.TIMEOUT, wall_s=500.0, tier="std", isolation="strict"))
    metrics.event("restart/died")
    text = exposition(metrics.snapshot({"in_flight": 2.0}), {("/run", 200): 5}).decode()
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    run = (("isolation", "strict"), ("status", "timeout"), ("tier", "std"))
    assert samples[("r1ci_executor_runs_total", *run)] == 1
    assert samples["r1ci_executor_wall_seconds_bucket", ("le", "0.002")] == 0
    assert samples["r1ci_executor_wall_seconds_bucket", ("le", "0.005")] == 1
    assert samples["r1ci_executor_wall_seconds_bucket", ("le", "+Inf")] == 2
    assert samples[("r1ci_executor_wall_seconds_count",)] == 2
    assert samples[("r1ci_executor_wall_seconds_sum",)] == pytest.approx(500.003)
    assert samples["r1ci_executor_events_total", ("event", "restart/died")] == 1
    assert samples[("r1ci_executor_in_flight",)] == 2
    assert samples["r1ci_executor_requests_total", ("code", "200"), ("endpoint", "/run")] == 5
