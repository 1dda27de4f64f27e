import asyncio
import os
import select
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.executors import local, process
from r1ci.executors.local import LocalExecutor
from r1ci.executors.process import MEMORY_EXIT
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.executors.registry import make_executor
from r1ci.spec.models import HttpExecutor, RayExecutor
from r1ci.spec.models import LocalExecutor as Spec


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Private directories of this test's programs, to see that none is left."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


def run(code: str, stdin: str = "", **limits: object) -> Execution:
    return run_all([Program(textwrap.dedent(code), stdin)], **limits)[0]


def run_all(programs: list[Program], **limits: object) -> list[Execution]:
    async def main() -> list[Execution]:
        executor = LocalExecutor(Spec.model_validate({"timeout_s": 20, "workers": 2, **limits}))
        try:
            return await asyncio.gather(*[executor.run(program) for program in programs])
        finally:
            await executor.close()

    return asyncio.run(main())


def alive(pid: int) -> bool:
    """Running, and not a zombie that waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(pid: int) -> bool:
    """Whether the process is dead within two seconds: a killed process takes a moment to go."""
    fd = -1
    try:
        fd = os.pidfd_open(pid)
        return bool(select.select([fd], [], [], 2)[0]) or not alive(pid)
    except ProcessLookupError:
        return True
    finally:
        if fd >= 0:
            os.close(fd)


def test_a_program_prints_its_answer() -> None:
    result = run("print(6 * 7)")
    assert (result.status, result.stdout, result.stderr, result.exit_code) == (Status.OK, "42\n", "", 0)
    assert result.isolation == "rlimits"
    assert result.wall_s > 0
    assert result.cpu_s > 0
    assert result.peak_memory_mb > 1


@pytest.mark.parametrize(
    ("code", "status", "exit_code"),
    [
        ("pass", Status.OK, 0),
        ("exit()", Status.OK, 0),
        ("import sys; sys.exit('no')", Status.ERROR, 1),
        ("quit(3)", Status.ERROR, 3),
        ("import os; os._exit(5)", Status.ERROR, 5),
        ("1 / 0", Status.ERROR, 1),
        ("x = (", Status.ERROR, 1),
        ("x = '\0'", Status.ERROR, 1),
        ("x = '\ud800'", Status.ERROR, 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", Status.SIGNAL, -11),
        ("import os; os.kill(os.getpid(), 9)", Status.SIGNAL, -9),
        ("raise KeyboardInterrupt", Status.SIGNAL, -2),
        ("raise MemoryError", Status.MEMORY, 1),
        ("try:\n    raise MemoryError\nexcept MemoryError:\n    pass", Status.OK, 0),
        (f"import os; os._exit({MEMORY_EXIT})", Status.MEMORY, 1),
    ],
)
def test_the_status_comes_from_how_the_process_ended(code: str, status: Status, exit_code: int) -> None:
    result = run(code)
    assert (result.status, result.exit_code) == (status, exit_code)


def test_a_traceback_shows_the_programs_lines_and_none_of_ours() -> None:
    code = """
        def half(x):
            return x / 0

        try:
            half(1)
        except ZeroDivisionError as error:
            raise ValueError("inner") from error
    """
    stderr = run(code).stderr
    assert stderr.count('File "main.py", line') == 3
    assert "return x / 0" in stderr
    assert stderr.rstrip().endswith("ValueError: inner")
    assert "child.py" not in stderr
    assert tempfile.gettempdir() not in stderr


def test_a_syntax_error_points_into_the_program() -> None:
    stderr = run("print(1)\nif True print(2)").stderr
    assert 'File "main.py", line 2' in stderr
    assert "SyntaxError" in stderr
    assert "child.py" not in stderr


def test_a_timeout_keeps_what_was_printed() -> None:
    result = run("print('before')\nimport time\ntime.sleep(60)\nprint('after')", timeout_s=0.5)
    assert (result.status, result.stdout) == (Status.TIMEOUT, "before\n")
    assert result.wall_s >= 0.5


def test_no_signal_handler_escapes_the_deadline() -> None:
    code = """
        import signal
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
    """
    assert run(code, timeout_s=0.5).status is Status.TIMEOUT


@pytest.mark.parametrize("preamble", ["", "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)"])
def test_the_cpu_limit_ends_a_busy_program(preamble: str) -> None:
    result = run(f"{preamble}\nwhile True: pass", cpu_s=1)
    assert result.status is Status.CPU
    assert "1 s of CPU" in result.reason


@pytest.mark.parametrize("code", ["x = 'a' * 10**10", "x = []\nwhile True: x.append(bytes(10**7))"])
def test_the_memory_limit_ends_a_greedy_program(code: str) -> None:
    result = run(f"print('before')\n{code}", memory_mb=128)
    assert (result.status, result.stdout) == (Status.MEMORY, "before\n")
    assert result.stderr.rstrip().endswith("MemoryError")
    assert "128 MB" in result.reason
    assert result.peak_memory_mb < 128 + 64


def test_a_flood_of_output_does_not_block_and_keeps_head_and_tail() -> None:
    code = "import sys\nprint('head'); print('x' * 300_000); print('tail')\nsys.stderr.write('y' * 300_000 + 'end')"
    result = run(code, max_output_bytes=1000)
    assert result.status is Status.OK
    assert result.stdout_truncated
    assert result.stderr_truncated
    assert result.stdout.startswith("head\nxxx")
    assert result.stdout.endswith("xxx\ntail\n")
    assert result.stderr.endswith("yend")
    assert "bytes left out" in result.stdout
    assert len(result.stdout) < 1100


def test_output_within_the_limit_is_whole() -> None:
    result = run("print('x' * 50_000)")
    assert (len(result.stdout), result.stdout_truncated) == (50_001, False)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_endless_output_is_stopped(stream: str) -> None:
    result = run(f"import sys\nwhile True: sys.{stream}.write('x' * 100_000)")
    assert result.status is Status.OUTPUT
    assert "bytes" in result.reason


def test_children_left_behind_are_killed() -> None:
    code = """
        import os, time
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                time.sleep(600)
            print(pid)
    """
    result = run(code)
    assert result.status is Status.OK
    pids = [int(line) for line in result.stdout.split()]
    assert len(pids) == 3
    assert all(gone(pid) for pid in pids)


def test_children_die_with_the_program_at_the_deadline() -> None:
    code = """
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(child.pid)
        child.wait()
    """
    result = run(code, timeout_s=2)
    assert result.status is Status.TIMEOUT
    assert gone(int(result.stdout))


def test_an_orphan_that_left_the_group_and_holds_stdout_does_not_block() -> None:
    code = """
        import os, time
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.write(write, str(os.getpid()).encode())
                time.sleep(600)
            os._exit(0)
        os.wait()
        print(os.read(read, 20).decode())
    """
    result = run(code)
    assert result.status is Status.OK
    pid = int(result.stdout)
    os.kill(pid, 9)
    assert gone(pid)


@pytest.mark.parametrize("code", ["import os; os.close(1); os.close(2); os.close(0)", "import sys; sys.stdout.close()"])
def test_closing_the_standard_streams_is_harmless(code: str) -> None:
    assert run(code).status in (Status.OK, Status.ERROR)


def test_nothing_printed_is_taken_for_a_result() -> None:
    result = run("import os, sys\nprint('r\\n{\"status\": \"ok\"}'); sys.stderr.write('MemoryError\\n'); os._exit(7)")
    assert (result.status, result.exit_code) == (Status.ERROR, 7)


def test_invalid_utf8_and_nuls_are_text() -> None:
    result = run(r"import sys; sys.stdout.buffer.write(b'a\xff\x00b\xc3')")
    assert (result.status, result.stdout) == (Status.OK, "a\ufffd\0b\ufffd")


def test_stdin_is_the_programs_own() -> None:
    text = "first\n" + "x" * 300_000 + "\nlast"
    result = run("import sys\nprint(input(), len(sys.stdin.read()))", stdin=text)
    assert result.stdout == "first 300005\n"


def test_stdin_that_nobody_reads_does_not_block() -> None:
    assert run("print(1)", stdin="x" * 1_000_000).status is Status.OK


def test_input_without_stdin_ends_in_an_error() -> None:
    assert "EOFError" in run("input()").stderr


def test_the_environment_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R1CI_TEST_SECRET", "hunter2")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    result = run("import os\nprint(dict(os.environ)); print(open('/proc/self/environ').read())")
    assert result.status is Status.OK
    assert "hunter2" not in result.stdout
    assert "nowhere" not in result.stdout


def test_the_directory_is_private_and_removed(scratch: Path) -> None:
    code = """
        import os, tempfile
        os.makedirs("deep/" * 300)
        os.mkdir("closed"); open("closed/file", "w").close(); os.chmod("closed", 0)
        print(os.getcwd(), os.environ["HOME"], tempfile.gettempdir(), oct(os.stat(".").st_mode & 0o777))
    """
    result = run(code)
    cwd, home, temporary, mode = result.stdout.split()
    assert cwd == home == temporary
    assert mode == "0o700"
    assert Path(cwd).parent == scratch
    assert not Path(cwd).exists()


def test_a_directory_deeper_than_the_recursion_limit_is_removed() -> None:
    code = """
        import os
        for _ in range(1500):
            os.mkdir("d"); os.chdir("d")
    """
    assert run(code).status is Status.OK


def test_a_file_larger_than_the_limit_is_refused() -> None:
    result = run("f = open('big', 'wb')\nfor _ in range(100): f.write(bytes(2**20))\nf.flush()")
    assert result.status is Status.ERROR
    assert "File too large" in result.stderr


def test_limits_hold_and_cannot_be_raised() -> None:
    code = """
        import resource
        for name in ("AS", "DATA", "CPU", "NOFILE", "FSIZE", "CORE"):
            which = getattr(resource, "RLIMIT_" + name)
            soft, hard = resource.getrlimit(which)
            print(name, soft)
    """
    values = dict(line.split() for line in run(code, memory_mb=256, cpu_s=7).stdout.splitlines())
    assert values["DATA"] == str(256 * 2**20)
    assert values["AS"] == str(512 * 2**20)
    assert values["CPU"] == "7"
    assert values["CORE"] == "0"


def test_only_the_standard_descriptors_are_inherited() -> None:
    assert run("import os\nprint(len(os.listdir('/proc/self/fd')))").stdout == "4\n"  # the fourth is listdir's own


def test_scientific_packages_import() -> None:
    result = run("import numpy, sympy\nprint(numpy.eye(2).sum(), sympy.factorint(12))")
    assert result.stdout == "2.0 {2: 2, 3: 1}\n"


def test_a_program_is_main_and_sets_print_in_the_same_order_every_time() -> None:
    code = """
        import __main__, sys
        value = 1
        print(__name__, sys.argv, __main__.value, "child" in dir(), {"a", "b", "c", "d", "e"})
    """
    first, second = run_all([Program(textwrap.dedent(code))] * 2)
    assert first.stdout == second.stdout
    assert first.stdout.startswith("__main__ ['main.py'] 1 False")


def test_many_programs_run_on_few_workers_and_keep_their_results_apart() -> None:
    results = run_all([Program(f"print({n} ** 2)") for n in range(24)], workers=3)
    assert [int(result.stdout) for result in results] == [n**2 for n in range(24)]
    assert any(result.queue_s > 0 for result in results)


def test_one_executor_serves_several_event_loops() -> None:
    executor = LocalExecutor(Spec(workers=1))
    outputs = [asyncio.run(executor.run(Program(f"print({n})"))).stdout for n in range(3)]
    asyncio.run(executor.close())
    assert outputs == ["0\n", "1\n", "2\n"]


def test_waiting_for_a_worker_takes_nothing_from_the_time_limit() -> None:
    results = run_all([Program("import time; time.sleep(0.8)")] * 3, workers=1, timeout_s=2)
    assert {result.status for result in results} == {Status.OK}


def test_a_cancelled_call_kills_its_program(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()) + ' ')\ntime.sleep(600)"

    async def main() -> None:
        executor = LocalExecutor(Spec(workers=1))
        task = asyncio.create_task(executor.run(Program(code)))
        while not (note.exists() and note.read_text().endswith(" ")):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await executor.close()

    asyncio.run(main())
    assert gone(int(note.read_text()))


def test_closing_ends_what_runs_and_later_calls_say_so() -> None:
    async def main() -> tuple[Execution, Execution]:
        executor = LocalExecutor(Spec(workers=1))
        running = asyncio.create_task(executor.run(Program("import time; time.sleep(600)")))
        await asyncio.sleep(0)
        await executor.close()
        return await running, await executor.run(Program("print(1)"))

    first, second = asyncio.run(main())
    assert first.status is Status.INFRASTRUCTURE
    assert second.status is Status.INFRASTRUCTURE
    assert second.reason


def test_a_process_that_cannot_start_is_retried_then_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = subprocess.Popen

    def flaky(*args: object, **kwargs: object) -> object:
        calls.append(args)
        if len(calls) < 3:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return real(*args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(process.subprocess, "Popen", flaky)
    assert run("print(1)").status is Status.OK
    calls.clear()
    monkeypatch.setattr(local, "ATTEMPTS", 2)
    result = run("print(1)")
    assert result.status is Status.INFRASTRUCTURE
    assert "temporarily unavailable" in result.reason


def test_an_interpreter_that_dies_at_birth_is_infrastructure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_FLAGS", ("--no-such-option",))
    monkeypatch.setattr(local, "ATTEMPTS", 1)
    result = run("print(1)")
    assert result.status is Status.INFRASTRUCTURE
    assert "python did not start" in result.reason


def test_a_program_ends_when_its_caller_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()) + ' ')\ntime.sleep(600)"
    caller = f"""
import asyncio
from r1ci.executors import process
from r1ci.executors.local import LocalExecutor
from r1ci.executors.protocol import Program
from r1ci.spec.models import LocalExecutor as Spec
process.ORPHAN_GRACE_S = 0
asyncio.run(LocalExecutor(Spec(timeout_s=1.5)).run(Program({program!r})))
"""
    with subprocess.Popen([sys.executable, "-c", caller], env={**os.environ, "TMPDIR": str(tmp_path)}) as parent:
        while not (note.exists() and note.read_text().endswith(" ")):
            assert parent.poll() is None
        parent.kill()
    assert gone(int(note.read_text()))


def test_stricter_isolation_than_the_executor_gives_is_refused() -> None:
    with pytest.raises(EnvironmentMissing, match="gives 'rlimits', the spec asks for 'strict'"):
        make_executor(Spec(isolation="strict"))


def test_a_system_without_what_it_needs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", missing)
    with pytest.raises(EnvironmentMissing, match=r"needs Linux 5\.3"):
        make_executor(Spec())


@pytest.mark.parametrize("spec", [RayExecutor(), HttpExecutor(url="http://localhost")])
def test_kinds_that_do_not_run_yet_are_named(spec: RayExecutor | HttpExecutor) -> None:
    with pytest.raises(UsageError, match=f"executor.kind '{spec.kind}'"):
        make_executor(spec)
