"""The suite judges by the level an execution says it had, fails executors that are bad, and tells the result."""

import asyncio
import dataclasses
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from r1ci.cli.main import VERBS
from r1ci.errors import UsageError
from r1ci.executors.conformance import table
from r1ci.executors.conformance.case import (
    CONFINED,
    EVERYWHERE,
    LEVELS,
    Case,
    Setting,
    Verdict,
    Want,
    difference,
    judge,
    programs,
)
from r1ci.executors.conformance.ground import Counts, Ground
from r1ci.executors.conformance.soak import fault, soak, soak_program
from r1ci.executors.conformance.suite import CASES, Result, canary, canary_problem, run_suite, select
from r1ci.executors.conformance.target import named, target
from r1ci.executors.conformance.write import attack
from r1ci.executors.metrics import Snapshot
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.spec.models import HttpExecutor, LocalExecutor

ATTACK = attack("g", "n", "open('/etc/shadow')", CONFINED)


def told(level: str, word: str, status: Status = Status.OK) -> Execution:
    return Execution(status, stdout=f"{word}\n", isolation=level)


@pytest.mark.parametrize(
    ("level", "word", "verdict"),
    [
        ("strict", "refused", Verdict.PASSED),
        ("strict", "done", Verdict.FAILED),
        ("landlock", "done", Verdict.FAILED),
        ("rlimits", "done", Verdict.PASSED),
        ("", "done", Verdict.PASSED),
        ("a level nobody knows", "done", Verdict.PASSED),
        ("rlimits", "", Verdict.FAILED),
        ("strict", "skip", Verdict.FAILED),
    ],
)
def test_a_level_is_held_to_what_it_promises(level: str, word: str, verdict: Verdict) -> None:
    assert judge(ATTACK, told(level, word))[0] is verdict


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_case_passes_what_did_not_run(case: Case) -> None:
    assert judge(case, Execution(Status.INFRASTRUCTURE, reason="down"))[0] is Verdict.FAILED


def test_no_answer_passes_every_case() -> None:
    """Whatever an executor that ignores its programs says, most cases fail it."""
    for status in Status:
        for word in ("", "refused", "done", "skip", "clean", "1"):
            passed = sum(judge(case, told("strict", word, status))[0] is not Verdict.FAILED for case in CASES)
            assert passed < 0.45 * len(CASES), (status, word)


def test_an_attack_with_a_bug_is_not_a_defence() -> None:
    broken = attack("g", "n", "undefined_name()")
    done = subprocess.run([sys.executable, "-c", broken.code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert judge(broken, Execution(Status.ERROR, stderr=done.stderr, exit_code=1))[0] is Verdict.FAILED


@pytest.mark.parametrize(
    ("want", "change", "problem"),
    [
        (Want(), {"status": Status.ERROR}, "status error"),
        (Want(words=("a",)), {"stdout": "b"}, "printed 'b'"),
        (Want(shows=("a",)), {"stdout": "b"}, "lacks"),
        (Want(hides=("a",)), {"stderr": "a"}, "shows"),
        (Want(errors=("E",)), {}, "lacks"),
        (Want(begins="a"), {"stdout": "b"}, "begin"),
        (Want(ends="a"), {"stdout": "b"}, "end"),
        (Want(exit_codes=(0,)), {"exit_code": 1}, "exit code 1"),
        (Want(written=3), {"stdout_bytes": 2}, "2 bytes"),
        (Want(truncated=False), {"stderr_truncated": True}, "truncated"),
        (Want(wall_s=(0.5, 2.0)), {"wall_s": 3.0}, "ran 3.000 s"),
        (Want(memory_mb=10.0), {"peak_memory_mb": 11.0}, "used 11 MB"),
    ],
)
def test_each_wish_can_be_missed(want: Want, change: dict[str, object], problem: str) -> None:
    assert problem in difference(want, dataclasses.replace(Execution(Status.OK), **change))


def test_fresh_output_differs_from_what_was_printed_before() -> None:
    again, want = Execution(Status.OK, stdout="7"), Want(fresh=True)
    assert "again" in difference(want, again, [again])
    assert difference(want, again, [Execution(Status.OK, stdout="8")]) == ""


def test_cases_are_many_distinct_and_say_what_happens_at_every_level() -> None:
    assert len(CASES) >= 80
    names = Counter((case.group, case.name) for case in CASES)
    assert max(names.values()) == 1
    for case in CASES:
        assert case.wants, case.name
        assert case.holds <= EVERYWHERE, case.name
        assert case.otherwise or case.holds == EVERYWHERE, case.name


def test_the_page_lists_every_group_with_its_number_of_cases() -> None:
    page = (Path(__file__).parents[2] / "docs" / "executor-conformance.md").read_text(encoding="utf-8")
    for group, number in Counter(case.group for case in CASES).items():
        assert f"| {group} | {number} |" in page
    for levels, number in Counter(case.holds for case in CASES).items():
        name = "every level" if levels == EVERYWHERE else ", ".join(sorted(levels))
        assert f"| {name} | {number} |" in page


def test_programs_carry_the_runs_word_and_their_session() -> None:
    case = Case("n", "g", "@TOKEN@ @PORT@", first=("a",), setting=Setting.SESSIONS)
    first, last = programs(case, "word", 9)
    assert (last.code, first.session) == ("word 9", last.session)
    apart = programs(dataclasses.replace(case, apart=True), "word", 9)
    assert apart[0].session != apart[1].session


class Bare:
    """Runs programs as plain processes of this user and calls that strict: the suite must find it out."""

    folder = "."

    async def run(self, program: Program) -> Execution:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program.code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=self.folder,
        )
        out, err = await process.communicate(program.stdin.encode())
        status = Status.ERROR if process.returncode else Status.OK
        return Execution(status, out.decode(), err.decode(), process.returncode, isolation="strict")

    async def end(self, session: str) -> None: ...

    def metrics(self) -> Snapshot:
        return Snapshot()

    async def close(self) -> None: ...


class InProcess(Bare):
    """Runs programs inside this process, as graders do."""

    async def run(self, program: Program) -> Execution:
        printed: list[str] = []
        try:
            exec(program.code, {"print": lambda *words: printed.append(" ".join(map(str, words)))})
        except BaseException as error:
            return Execution(Status.ERROR, "\n".join(printed), repr(error), 1, isolation="strict")
        return Execution(Status.OK, "\n".join(printed), exit_code=0, isolation="strict")


class AlwaysFine(Bare):
    async def run(self, program: Program) -> Execution:
        return Execution(Status.OK, isolation="strict")


SEEN_BY_BARE = (
    "read-planted-secret", "read-planted-secret-by-a-link", "write-var-tmp", "tcp-connect", "tcp-listen", "udp-send",
    "abstract-unix-socket", "unix-socket-by-path", "fork", "subprocess", "os-system", "see-processes", "memfd",
    "own-environment", "sparse-file", "no-time", "exception-shows-only-its-own-frames",
)  # fmt: skip
"""Attacks that succeed where nothing stops them, and do no harm there."""


def results_of(executor: Bare, names: tuple[str, ...]) -> dict[str, Result]:
    cases = [case for case in CASES if case.name in names]
    assert len(cases) == len(names)
    results = asyncio.run(run_suite(lambda setting: executor, cases, local=False))
    return {result.name: result for result in results}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_unprotected_processes_that_claim_to_be_strict_are_found_out(tmp_path: Path) -> None:
    bare = Bare()
    bare.folder = str(tmp_path)
    results = results_of(bare, SEEN_BY_BARE)
    assert {name for name, result in results.items() if result.verdict is not Verdict.FAILED} <= {"sparse-file"}


def test_an_executor_inside_this_process_is_found_out() -> None:
    try:
        results = results_of(InProcess(), ("module-made", "environment-changed", "own-environment", "exit-builtins"))
    finally:
        sys.modules.pop("planted", None)
        os.environ.pop("PLANTED", None)
    assert all(result.verdict is Verdict.FAILED for result in results.values())


def test_an_executor_that_always_answers_fine_fails_its_canaries() -> None:
    results = results_of(AlwaysFine(), ("empty", "read-passwd"))
    assert all("the next program" in result.problem for result in results.values())


def test_a_canary_must_be_exact_and_find_nothing_lying_around() -> None:
    code, answer = canary(5)
    assert answer == "5045 0"
    assert "os.listdir" in code
    assert canary_problem(Execution(Status.OK, answer), answer) == ""
    for bad in (
        Execution(Status.OK, "5045 1"),
        Execution(Status.OK, answer, "noise"),
        Execution(Status.INFRASTRUCTURE, answer, reason="gone"),
    ):
        assert canary_problem(bad, answer)


def test_what_carries_the_runs_word_is_found_and_taken_away() -> None:
    ground = Ground()
    try:
        assert ground.leftovers(None) == []
        left = Path(f"/tmp/r1ci-{ground.token}-left")
        left.touch()
        name = f"ctypes.CDLL(None).prctl(15, b'{ground.token}', 0, 0, 0)"
        code = f"import ctypes, time; {name}; print(flush=True); time.sleep(60)"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        assert sorted(ground.leftovers(None, 0.0)) == [f"{left} was left", f"process {process.pid} still runs"]
        assert process.wait() == -9
        assert not left.exists()
        process.stdout.close()
    finally:
        ground.close()
    assert not Path(f"/tmp/r1ci-{ground.token}-secret").exists()


def test_counts_above_say_what_grew() -> None:
    assert Counts(3, 1, 9).above(Counts(2, 1, 10)) == ["1 processes more than before"]


RESULTS = [
    Result("a", "files", Verdict.PASSED, status="ok", level="landlock", missing=("user: x",)),
    Result("b", "files", Verdict.FAILED, "printed 'done', not refused | x", "ok", "rlimits"),
    Result("c", "python", Verdict.SKIPPED, "no numpy"),
]


def test_the_table_counts_by_group_and_shows_every_failure() -> None:
    assert table.rows(RESULTS) == [
        ("files", "2", "1", "1", "0"),
        ("python", "1", "0", "0", "1"),
        ("all", "3", "1", "1", "1"),
    ]
    assert table.failures(RESULTS) == ["files/b (ok): printed 'done', not refused | x"]
    lines = ["executor: local", "isolation: rlimits, landlock", "missing: user: x"]
    assert table.headline("local", RESULTS) == lines


def test_the_page_and_the_document_hold_the_same() -> None:
    page = table.as_markdown("local", RESULTS, None)
    assert "| all | 3 | 1 | 1 | 1 |" in page
    assert "refused \\| x" in page
    document = json.loads(json.dumps(table.as_json("local", RESULTS, None)))
    assert document["counts"] == {"passed": 1, "failed": 1, "skipped": 1}
    assert document["ok"] is False
    assert not table.held([RESULTS[2]]), "nothing but skips is no proof"
    assert table.held([RESULTS[0], RESULTS[2]])


def test_a_soak_finds_outputs_that_are_mixed_up() -> None:
    soaked = asyncio.run(soak(AlwaysFine(), 40))
    assert soaked.wrong == 40
    assert len(soaked.examples) == 10
    assert "40 wrong" in table.soak_lines(soaked)[0]
    _, status, text = soak_program(0, random.Random(1))
    assert fault(Execution(status, text), status, text) == ""
    assert fault(Execution(status, text + "x"), status, text)


def test_names_mean_kinds_urls_and_plugins() -> None:
    assert isinstance(named("local"), LocalExecutor)
    url = named("http://127.0.0.1:1")
    assert isinstance(url, HttpExecutor)
    assert target("u", url).make(Setting.SESSIONS) is None
    assert named("specs/quickstart.yaml") is None
    with pytest.raises(UsageError, match="which one"):
        named("http")
    assert target("l", LocalExecutor(timeout_s=99), "landlock").spec.timeout_s < 99


def test_groups_and_names_select_cases() -> None:
    assert {case.group for case in select("files/*")} == {"files"}
    assert [case.name for case in select("daemon")] == ["daemon"]
    assert select("nothing-like-it") == []
    assert set(LEVELS) == EVERYWHERE


def test_the_command_tests_the_local_executor(tmp_path: Path) -> None:
    from r1ci.cli.executor_test import command

    assert "executor" in VERBS
    page = tmp_path / "page.md"
    arguments = ["local", "--only", "exits/exit-*", "--soak", "20", "--markdown", str(page), "--json", "-q"]
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    document = json.loads(done.stdout)
    assert (done.return_value, document["ok"]) == (0, True), document
    assert document["soak"]["runs"] == 20
    assert page.read_text().startswith("# Conformance")
    with pytest.raises(UsageError, match="no case"):
        CliRunner().invoke(command, ["--only", "nope"], standalone_mode=False, catch_exceptions=False)
