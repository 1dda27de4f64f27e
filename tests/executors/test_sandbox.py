"""The parts of the sandbox, each by itself, and the whole of it as a user without privileges."""

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.executors.limits import Limits, Sizes, limits_of, rlimits
from r1ci.executors.protocol import Program, Status
from r1ci.executors.sandbox import kernel, probe, seccomp, spawn, tiers, watch, wire
from r1ci.executors.sandbox.probe import Isolation, isolation
from r1ci.executors.sandbox.run import Job, Killed, Run
from r1ci.executors.sandbox.spawn import environment, ways
from r1ci.spec.models import ExecutorLimits

ALLOW, KILL = 0x7FFF0000, 0x80000000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}


def verdict(
    machine: str, number: int, argument: int = 0, arch: int | None = None, *, subprocesses: bool = False
) -> int:
    """What the filter says to a call: a small interpreter of the classic BPF that it uses."""
    code = seccomp.instructions(machine, subprocesses=subprocesses)
    data = {0: number, 4: ARCH[machine] if arch is None else arch, 16: argument}
    at = value = 0
    while True:
        operation, if_true, if_false, operand = code[at]
        at += 1
        if operation == 0x20:
            value = data[operand]
        elif operation == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[operation]
            at += if_true if holds else if_false


def refused(answer: int) -> bool:
    return answer & 0xFFFF0000 == 0x00050000


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_what_is_listed_and_allows_the_rest(machine: str) -> None:
    listed = set(seccomp.NUMBERS[machine].values())
    for number in range(480):
        answer = verdict(machine, number, argument=kernel.CLONE_THREAD)
        if number in listed - {CLONE[machine]}:
            assert refused(answer), number
        else:
            assert answer == ALLOW, number


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_threads_are_allowed_and_processes_only_on_request_without_namespaces(machine: str) -> None:
    clone = CLONE[machine]
    assert verdict(machine, clone, kernel.CLONE_THREAD) == ALLOW
    assert refused(verdict(machine, clone, 17))
    assert verdict(machine, clone, 17, subprocesses=True) == ALLOW
    for flag in (kernel.CLONE_NEWUSER, kernel.CLONE_NEWNS, kernel.CLONE_NEWPID, kernel.CLONE_NEWNET):
        assert refused(verdict(machine, clone, 17 | flag, subprocesses=True))


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_calls_of_another_architecture_end_the_program(machine: str) -> None:
    assert verdict(machine, 1, arch=0x40000003) == KILL
    if machine == "x86_64":
        assert verdict(machine, 0x40000000 + 1) == KILL


def test_the_tables_name_the_same_calls_on_both_architectures() -> None:
    only_x86 = {"fork", "vfork", "uselib", "modify_ldt", "iopl", "ioperm"}
    assert set(seccomp.NUMBERS["x86_64"]) - set(seccomp.NUMBERS["aarch64"]) == only_x86
    assert set(seccomp.NUMBERS["aarch64"]) <= set(seccomp.NUMBERS["x86_64"])
    for numbers in seccomp.NUMBERS.values():
        assert len(set(numbers.values())) == len(numbers)


def test_jumps_of_the_filter_stay_inside_it() -> None:
    for machine in seccomp.NUMBERS:
        code = seccomp.instructions(machine, subprocesses=False)
        for at, (_, if_true, if_false, operand) in enumerate(code):
            assert at + 1 + max(if_true, if_false) < len(code) + 1
            struct.pack("HBBI", 0, if_true, if_false, operand)


@given(
    st.binary(max_size=50),
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9), st.binary(max_size=50), max_size=5
    ),
)
def test_files_survive_the_way_to_the_child(source: bytes, files: dict[str, bytes]) -> None:
    assert wire.unpack(wire.pack(source, files)) == (source, files)


def test_sealed_memory_can_be_read_and_not_written() -> None:
    fd = wire.sealed(b"x" * 100_000)
    try:
        assert os.read(fd, 200_000) == b"x" * 100_000
        for change in (lambda: os.pwrite(fd, b"y", 0), lambda: os.ftruncate(fd, 1)):
            with pytest.raises(PermissionError):
                change()
    finally:
        os.close(fd)


def test_messages_carry_descriptors() -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        reading, writing = wire.pipe()
        wire.send(here, {"run": 1}, [writing])
        message, fds = wire.receive(there)
        os.write(fds[0], b"hi")
        assert (message, os.read(reading, 9)) == ({"run": 1}, b"hi")
        with pytest.raises(BlockingIOError):
            os.read(reading, 1)
        for fd in (reading, writing, *fds):
            os.close(fd)
        here.close()
        assert wire.receive(there) == (None, [])


@pytest.mark.parametrize(
    ("code", "tier"),
    [
        ("", "std"),
        ("import os, re", "std"),
        ("import numpy", "numpy"),
        ("import os, numpy as np", "numpy"),
        ("if True:\n    from numpy.linalg import eig", "numpy"),
        ("from sympy import *", "sympy"),
        ("import numpy\nimport sympy", "sympy"),
        ("import networkx as nx, numpy", "science"),
        ("import scipy.optimize", "science"),
        ("import pandas as pd", "data"),
        ("x = 'import pandas'", "std"),
        ("import (", "std"),
        ("# import numpy", "std"),
    ],
)
def test_the_tier_is_the_lightest_that_has_the_imports(code: str, tier: str) -> None:
    assert tiers.tier_of(code) == tier


@given(st.text())
def test_any_text_has_a_tier(code: str) -> None:
    assert tiers.tier_of(code) in tiers.TIERS


HELD = dict.fromkeys([name for needs in probe._NEEDS.values() for name in needs], True)


@pytest.mark.parametrize(
    ("lost", "level"),
    [
        ([], "strict"),
        (["anonymous files"], "namespaces"),
        (["system-call filter", "tracing", "mounting"], "namespaces"),
        (["process namespace"], "landlock"),
        (["process namespace", "starting processes"], "rlimits"),
        (["reading outside"], "rlimits"),
        (["network"], "rlimits"),
        (["no new privileges"], "rlimits"),
    ],
)
def test_the_level_follows_from_what_was_refused(lost: list[str], level: str) -> None:
    found = isolation(json.dumps({**HELD, **dict.fromkeys(lost, False)}), {"landlock": "not in this kernel"})
    assert found.level == level
    assert "landlock: not in this kernel" in found.missing
    if lost:
        assert all(name in found.missing[-1] for name in lost)


@pytest.mark.parametrize("printed", ["", "{}", "[]", '{"network": true}', "Traceback"])
def test_a_probe_that_did_not_finish_is_no_level(printed: str) -> None:
    with pytest.raises(ValueError, match="probe"):
        isolation(printed, {})


def test_a_level_suffices_for_itself_and_weaker_ones() -> None:
    assert [Isolation("namespaces").suffices(level) for level in probe.LEVELS] == [True, True, True, False]


def test_a_ceiling_keeps_layers_out() -> None:
    assert ways("rlimits").modes == ("none",)
    assert ways("rlimits").landlock
    assert ways("landlock").modes == ("none",)
    assert not ways("landlock").seccomp
    assert ways("namespaces").seccomp
    assert ways("strict").modes[-1] == "none"


def test_programs_get_an_environment_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    found = environment("/box")
    assert found["HOME"] == found["TMPDIR"] == "/box"
    assert "SECRET" not in found


def test_the_private_folder_never_hides_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawn, "visible", lambda: ["/usr", "/opt/python"])
    assert spawn.private() == "/tmp"
    monkeypatch.setattr(spawn, "visible", lambda: ["/usr", "/tmp/venv/lib"])
    assert spawn.private() == "/box"


@given(
    timeout_s=st.none() | st.floats(0.01, 1e4),
    memory_mb=st.none() | st.integers(1, 10**6),
    cpu_s=st.none() | st.floats(0.01, 1e4),
)
def test_a_programs_limits_win_over_the_executors(
    timeout_s: float | None, memory_mb: int | None, cpu_s: float | None
) -> None:
    executor = ExecutorLimits(timeout_s=10, memory_mb=100, cpu_s=cpu_s)
    limits = limits_of(Program("", timeout_s=timeout_s, memory_mb=memory_mb), executor)
    assert limits.timeout_s == (timeout_s or 10)
    assert limits.memory_mb == (memory_mb or 100)
    assert limits.cpu_s <= (cpu_s or limits.timeout_s + 1)
    assert all(value >= 0 for _, value in rlimits(limits, Sizes(1, 1, 1), 64))


def finished(exit_code: int | None, killed: Killed | None = None, *, peak_mb: int = 0, cpu_s: float = 0.0) -> Status:
    limits = Limits(timeout_s=1, cpu_s=2, memory_mb=100, disk_mb=1, max_output_bytes=100)
    run = Run(Job(Program(""), limits, "std", print), 1, 0, _Zygote())  # type: ignore[arg-type]
    run.killed, run.peak_bytes, run.cpu_s = killed, peak_mb * 2**20, cpu_s
    return run.execution(exit_code).status


class _Zygote:
    tier, isolation = "std", Isolation("strict")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (finished(0), Status.OK),
        (finished(1), Status.ERROR),
        (finished(121), Status.ERROR),
        (finished(86), Status.MEMORY),
        (finished(None), Status.ERROR),
        (finished(-11), Status.SIGNAL),
        (finished(-11, peak_mb=90), Status.MEMORY),
        (finished(-9, cpu_s=2), Status.CPU),
        (finished(-9), Status.SIGNAL),
        (finished(-24), Status.CPU),
        (finished(-70), Status.SIGNAL),
        (finished(-9, Killed.TIMEOUT), Status.TIMEOUT),
        (finished(0, Killed.TIMEOUT), Status.TIMEOUT),
        (finished(-9, Killed.OUTPUT), Status.OUTPUT),
        (finished(-9, Killed.DISK), Status.OUTPUT),
        (finished(-9, Killed.MEMORY), Status.MEMORY),
        (finished(-9, Killed.CPU), Status.CPU),
        (finished(-9, Killed.CANCELLED), Status.INFRASTRUCTURE),
    ],
)
def test_the_status_is_a_function_of_the_end(status: Status, expected: Status) -> None:
    assert status is expected


def test_what_a_process_uses_is_read_from_outside() -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "x = b'a' * 50_000_000\nfor _ in range(10**6): pass\nprint('ready', flush=True)\ninput()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        pidfd = os.pidfd_open(child.pid)
        assert watch.process_number(pidfd) == child.pid
        assert watch.resident_bytes(child.pid) > 50_000_000
        assert watch.cpu_seconds(child.pid) > 0
        assert child.pid in watch.family(os.getpid())
        child.communicate(b"\n")
    assert watch.process_number(pidfd) == 0
    assert (watch.resident_bytes(child.pid), watch.cpu_seconds(child.pid)) == (0, 0.0)
    os.close(pidfd)


def test_a_folders_use_is_counted_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(bytes(100_000))
    (tmp_path / "loop").symlink_to(tmp_path)
    size, entries = watch.folder_use(str(tmp_path), 100)
    assert 100_000 <= size < 200_000
    assert entries == 3


AS_NOBODY = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
prefixes = sys.argv[1].split(":")
if libc.unshare(0x00020000) or libc.mount(b"none", b"/", None, 0x44000, None):
    sys.exit(77)
stage = "/mnt"
libc.mount(b"tmpfs", stage.encode(), b"tmpfs", 0, b"mode=755")
for prefix in prefixes:
    os.makedirs(stage + prefix)
    libc.mount(prefix.encode(), (stage + prefix).encode(), None, 0x5000, None)
for top in sorted({"/" + prefix.split("/")[1] for prefix in prefixes}):
    if os.stat(top).st_mode & 1 == 0:
        libc.mount((stage + top).encode(), top.encode(), None, 0x5000, None)
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
libc.prctl(4, 1, 0, 0, 0)
os.environ.update(HOME="/tmp", TMPDIR="/tmp")
os.chdir("/tmp")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
UNPRIVILEGED = """
import asyncio, os
from r1ci.executors.local import LocalExecutor
from r1ci.executors.protocol import Program
from r1ci.spec.models import LocalExecutor as Spec

async def main():
    for ceiling in ("strict", "namespaces", "landlock", "rlimits"):
        executor = LocalExecutor(Spec(workers=2, isolation="rlimits", timeout_s=1, sessions=True), ceiling=ceiling)
        level = executor.isolation.level
        programs = [Program(f"print({n})") for n in range(20)] + [Program("import os\\nwhile True: pass")]
        results = await asyncio.gather(*[executor.run(program) for program in programs])
        right = all(result.stdout == f"{n}\\n" for n, result in enumerate(results[:20]))
        await executor.run(Program("x = 1", session="a"))
        cell = await executor.run(Program("print(x)", session="a"))
        secret = await executor.run(Program("print(open('/etc/hostname').read())"))
        print(os.getuid(), ceiling, level, right, results[-1].status, cell.stdout.strip(), secret.status, flush=True)
        await executor.close()

asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_a_user_without_privileges_gets_the_same_levels_through_a_user_namespace() -> None:
    prefixes = {os.path.realpath(path) for path in (sys.base_prefix, sys.prefix, str(Path(kernel.__file__).parents[3]))}
    outermost = [p for p in sorted(prefixes) if not any(p != other and p.startswith(f"{other}/") for other in prefixes)]
    command = [sys.executable, "-c", AS_NOBODY, ":".join(outermost), "-c", UNPRIVILEGED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode == 77:
        pytest.skip("no mount namespace for the trial")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == 4, done.stderr
    for uid, ceiling, level, right, hung, cell, secret in lines:
        assert (uid, level, right, hung, cell) == ("65534", ceiling, "True", "timeout", "1")
        assert secret == ("ok" if level == "rlimits" else "error")
