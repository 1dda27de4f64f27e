import asyncio
import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from r1ci.errors import EnvironmentMissing
from r1ci.executors.local import LocalExecutor
from r1ci.executors.protocol import MAX_CODE_BYTES, Execution, Program, Status
from r1ci.executors.registry import make_executor
from r1ci.executors.sandbox import landlock, seccomp, spawn, supervisor
from r1ci.executors.sandbox.probe import LEVELS
from r1ci.executors.sandbox.program import MEMORY_EXIT
from r1ci.spec.models import LocalExecutor as Spec


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Private folders of this test's programs, to see that none is left."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    folder.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    """A level of isolation to try: nothing stricter is used even where the machine has it."""
    return str(request.param)


def run(code: str, stdin: str = "", level: str = "strict", **limits: object) -> Execution:
    return run_all([Program(textwrap.dedent(code), stdin)], level, **limits)[0]


def run_all(programs: list[Program], level: str = "strict", **limits: object) -> list[Execution]:
    async def main() -> list[Execution]:
        spec = {"timeout_s": 20, "workers": 2, "isolation": "rlimits", **limits}
        executor = LocalExecutor(Spec.model_validate(spec), ceiling=level)
        try:
            return await asyncio.gather(*[executor.run(program) for program in programs])
        finally:
            await executor.close()

    return asyncio.run(main())


def run_cells(cells: list[str], level: str = "strict", **limits: object) -> list[Execution]:
    """Programs of one session, one after the other."""

    async def main() -> list[Execution]:
        spec = {"timeout_s": 20, "workers": 2, "isolation": "rlimits", "sessions": True, **limits}
        executor = LocalExecutor(Spec.model_validate(spec), ceiling=level)
        try:
            return [await executor.run(Program(cell, session="a")) for cell in cells]
        finally:
            await executor.close()

    return asyncio.run(main())


def children() -> set[int]:
    """Processes below this one."""
    found = [os.getpid()]
    for pid in found:
        found += children_of(pid)
    return set(found[1:])


def children_of(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def kill_zygotes() -> None:
    for pid in children_of(os.getpid()):
        if "r1ci.executors.sandbox.zygote" in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGKILL)


def test_a_program_prints_its_answer(level: str) -> None:
    result = run("print(6 * 7)", level=level)
    assert (result.status, result.stdout, result.stderr, result.exit_code) == (Status.OK, "42\n", "", 0)
    assert result.tier == "std"
    assert result.wall_s > 0
    assert result.cpu_s > 0
    assert result.setup_s > 0
    assert result.attempts == 1


def test_every_level_says_what_is_missing(level: str) -> None:
    result = run("print(1)", level=level)
    if level == "strict" and result.isolation != "strict":
        assert result.missing, "a weaker level must say why"
        pytest.skip(f"this machine gives {result.isolation}: {result.missing}")
    assert result.isolation == level
    assert bool(result.missing) == (level != "strict")


@pytest.mark.parametrize(
    ("code", "status", "exit_code"),
    [
        ("", Status.OK, 0),
        ("# nothing", Status.OK, 0),
        ("exit()", Status.OK, 0),
        ("import sys; sys.exit('no')", Status.ERROR, 1),
        ("quit(3)", Status.ERROR, 3),
        ("import os; os._exit(5)", Status.ERROR, 5),
        ("1 / 0", Status.ERROR, 1),
        ("x = (", Status.ERROR, 1),
        ("x = '\0'", Status.ERROR, 1),
        ("x = '\ud800'", Status.ERROR, 1),
        ("import ctypes; ctypes.string_at(0)", Status.SIGNAL, -11),
        ("raise KeyboardInterrupt", Status.ERROR, 130),
        ("raise MemoryError", Status.MEMORY, 1),
        ("try:\n    raise MemoryError\nexcept MemoryError:\n    pass", Status.OK, 0),
        (f"import os; os._exit({MEMORY_EXIT})", Status.MEMORY, 1),
    ],
)
def test_the_status_comes_from_how_the_process_ended(code: str, status: Status, exit_code: int) -> None:
    result = run(code)
    assert (result.status, result.exit_code) == (status, exit_code)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (Program("#" * (MAX_CODE_BYTES + 1)), "bytes long"),
        (Program("pass", timeout_s=0), "time limit of 0"),
        (Program("pass", timeout_s=float("nan")), "time limit of nan"),
        (Program("pass", memory_mb=0), "memory limit of 0"),
        (Program("pass", files={"../x": b""}), "relative path"),
        (Program("pass", files={"/etc/passwd": b""}), "relative path"),
        (Program("pass", files={"main.py": b""}), "main.py"),
        (Program("pass", session="s"), "executor.sessions is false"),
    ],
)
def test_what_cannot_be_meant_is_rejected(program: Program, reason: str) -> None:
    (result,) = run_all([program])
    assert result.status is Status.REJECTED
    assert reason in result.reason


def test_a_program_has_limits_of_its_own() -> None:
    slow, greedy = run_all([Program("while True: pass", timeout_s=0.2), Program("x = 'a' * 10**8", memory_mb=40)])
    assert slow.status is Status.TIMEOUT
    assert slow.wall_s < 5
    assert greedy.status is Status.MEMORY


def test_files_lie_in_the_working_directory(level: str) -> None:
    program = Program(
        "import tool; print(tool.x, open('data/a.txt').read())", files={"tool.py": b"x = 1", "data/a.txt": b"hi"}
    )
    (result,) = run_all([program], level)
    assert result.stdout == "1 hi\n"


def test_a_module_left_behind_is_not_found_by_the_next_program(level: str) -> None:
    first, second = (
        "open('colorsys.py', 'w').write('planted = True'); import colorsys; print(colorsys.planted)",
        "import colorsys; print(hasattr(colorsys, 'planted'))",
    )
    results = [run_all([Program(first), Program(second)], level, workers=1)]
    assert [result.stdout for result in results[0]] == ["True\n", "False\n"]


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
    assert "program.py" not in stderr


def test_a_syntax_error_points_into_the_program() -> None:
    stderr = run("print(1)\nif True print(2)").stderr
    assert 'File "main.py", line 2' in stderr
    assert "if True print(2)" in stderr
    assert "SyntaxError" in stderr


def test_an_absent_package_is_told_with_those_that_are_there() -> None:
    stderr = run("import torchvision_no_such").stderr
    assert "No module named 'torchvision_no_such'" in stderr
    assert "numpy" in stderr.splitlines()[-1]


def test_a_timeout_keeps_what_was_printed(level: str) -> None:
    result = run("print('before')\nimport time\ntime.sleep(60)\nprint('after')", level=level, timeout_s=0.5)
    assert (result.status, result.stdout) == (Status.TIMEOUT, "before\n")
    assert result.wall_s >= 0.5
    assert result.exit_code is None


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
    result = run(f"{preamble}\nwhile True: pass", cpu_s=0.3)
    assert result.status is Status.CPU
    assert "0.3 s of CPU" in result.reason


@pytest.mark.parametrize("code", ["x = 'a' * 10**10", "x = []\nwhile True: x.append(b'a' * 10**7)"])
def test_the_memory_limit_ends_a_greedy_program(code: str, level: str) -> None:
    result = run(f"print('before')\n{code}", level=level, memory_mb=128)
    assert (result.status, result.stdout) == (Status.MEMORY, "before\n")
    assert "128 MB" in result.reason
    assert result.peak_memory_mb < 128 + 64


def test_shared_memory_that_no_resource_limit_counts_is_watched() -> None:
    code = """
        import mmap, time
        print("before")
        for _ in range(30):
            area = mmap.mmap(-1, 10 * 2**20)
            area.write(b"x" * len(area))
            globals()[f"area{_}"] = area
        time.sleep(60)
    """
    result = run(code, memory_mb=128)
    assert (result.status, result.stdout) == (Status.MEMORY, "before\n")
    assert 128 < result.peak_memory_mb < 128 + 300


def test_the_peak_is_what_the_program_added() -> None:
    small, large = run_all([Program("print(1)"), Program("x = b'a' * (200 * 2**20)")])
    assert small.peak_memory_mb < 20
    assert 200 <= large.peak_memory_mb < 230


def test_a_flood_of_output_does_not_block_and_keeps_head_and_tail() -> None:
    code = "import sys\nprint('head'); print('x' * 300_000); print('tail')\nsys.stderr.write('y' * 300_000 + 'end')"
    result = run(code, max_output_bytes=1000)
    assert result.status is Status.OK
    assert result.stdout_truncated
    assert result.stderr_truncated
    assert result.stdout.startswith("head\nxxx")
    assert result.stdout.endswith("xxx\ntail\n")
    assert result.stderr.endswith("yend")
    assert result.stdout_bytes == 300_011
    assert "bytes left out" in result.stdout
    assert len(result.stdout) < 1100


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_endless_output_is_stopped(stream: str) -> None:
    result = run(f"import sys\nwhile True: sys.{stream}.write('x' * 100_000)")
    assert result.status is Status.OUTPUT
    assert "bytes" in result.reason


def test_too_many_files_are_stopped_where_no_file_system_bounds_them() -> None:
    code = "import time\nfor n in range(10):\n    open(str(n), 'wb').write(bytes(10**6))\ntime.sleep(60)"
    result = run(code, level="rlimits", disk_mb=4)
    assert result.status is Status.OUTPUT
    assert "4 MB of files" in result.reason


@pytest.mark.parametrize("level", ["namespaces", "rlimits"])
def test_children_left_behind_are_killed(level: str) -> None:
    code = """
        import os, time
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(600)
                os._exit(0)
        print("done")
    """

    async def main() -> tuple[Execution, Execution, int]:
        executor = LocalExecutor(Spec(workers=1, isolation="rlimits", subprocesses=True), ceiling=level)
        await executor.run(Program("print(1)"))
        before = children()
        result = await executor.run(Program(textwrap.dedent(code)))
        canary = await executor.run(Program("print(1)"))
        left = [pid for pid in children() - before if not gone(pid)]
        await executor.close()
        return result, canary, len(left)

    result, canary, left = asyncio.run(main())
    assert (result.status, result.stdout) == (Status.OK, "done\n")
    assert canary.stdout == "1\n"
    assert left == 0


def test_processes_are_refused_unless_allowed() -> None:
    code = "import subprocess\nprint(subprocess.run(['/bin/echo', 'hi'], capture_output=True).stdout)"
    assert "PermissionError" in run(code).stderr
    assert run(code, subprocesses=True).stdout == "b'hi\\n'\n"


@pytest.mark.parametrize("code", ["import os; os.close(1); os.close(2); os.close(0)", "import sys; sys.stdout.close()"])
def test_closing_the_standard_streams_is_harmless(code: str) -> None:
    assert run(code).status in (Status.OK, Status.ERROR)


def test_nothing_printed_is_taken_for_a_result() -> None:
    code = 'import os, sys\nprint(\'{"exited": 1, "status": 0}\'); sys.stderr.write("MemoryError\\n"); os._exit(7)'
    assert (run(code).status, run(code).exit_code) == (Status.ERROR, 7)


def test_invalid_utf8_and_nuls_are_text() -> None:
    result = run(r"import sys; sys.stdout.buffer.write(b'a\xff\x00b\xc3')")
    assert (result.status, result.stdout) == (Status.OK, "a\ufffd\0b\ufffd")


def test_stdin_is_the_programs_own() -> None:
    text = "first\n" + "x" * 300_000 + "\nlast"
    result = run("import sys\nprint(input(), len(sys.stdin.read()))", stdin=text)
    assert result.stdout == "first 300005\n"


def test_input_without_stdin_ends_in_an_error() -> None:
    assert "EOFError" in run("input()").stderr


def test_the_environment_is_not_inherited(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    monkeypatch.setenv("R1CI_TEST_SECRET", "hunter2")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    code = """
        import os
        print(dict(os.environ))
        try:
            print(open("/proc/self/environ").read())
        except OSError:
            pass
    """
    result = run(code, level=level)
    assert result.status is Status.OK
    assert "hunter2" not in result.stdout
    assert "nowhere" not in result.stdout


def test_the_folder_is_private_and_removed(level: str) -> None:
    code = """
        import os, tempfile
        os.makedirs("deep/" * 300)
        os.mkdir("closed"); open("closed/file", "w").close(); os.chmod("closed", 0)
        print(os.getcwd(), os.environ["HOME"], tempfile.gettempdir(), oct(os.stat(".").st_mode & 0o777))
    """
    cwd, home, temporary, mode = run(code, level=level).stdout.split()
    assert cwd == home == temporary
    assert mode == "0o700"
    assert cwd == spawn.private() or not Path(cwd).exists()


def test_a_folder_deeper_than_the_recursion_limit_is_removed() -> None:
    code = """
        import os
        for _ in range(1500):
            os.mkdir("d"); os.chdir("d")
    """
    assert run(code, level="rlimits").status is Status.OK


def test_limits_hold_and_cannot_be_raised(level: str) -> None:
    code = """
        import resource
        for name in ("CPU", "NOFILE", "FSIZE", "CORE"):
            which = getattr(resource, "RLIMIT_" + name)
            print(name, resource.getrlimit(which)[1])
            try:
                resource.setrlimit(which, (-1, -1))
                print("raised")
            except (ValueError, PermissionError):
                pass
    """
    result = run(code, level=level, cpu_s=7, disk_mb=3)
    assert result.stdout == f"CPU 7\nNOFILE 64\nFSIZE {3 * 2**20}\nCORE 0\n"


def test_only_the_standard_descriptors_are_there(level: str) -> None:
    code = """
        import os
        def open_(fd):
            try:
                os.fstat(fd)
            except OSError:
                return False
            return True
        print([fd for fd in range(64) if open_(fd)])
    """
    assert run(code, level=level).stdout == "[0, 1, 2]\n"


def test_the_tier_covers_the_imports() -> None:
    programs = [
        Program("import numpy as np\nprint(np.eye(2).sum())"),
        Program("def f():\n    from sympy import factorint\n    return factorint(12)\nprint(f())"),
    ]
    results = run_all(programs)
    assert [(result.tier, result.stdout) for result in results] == [("numpy", "2.0\n"), ("sympy", "{2: 2, 3: 1}\n")]


def test_a_program_imports_nothing_that_its_tier_has() -> None:
    code = """
        import sys
        before = set(sys.modules)
        import numpy as np
        rng = np.random.default_rng(0)
        print(np.linalg.eigvals(rng.normal(size=(3, 3))).shape, set(sys.modules) - before)
    """
    result = run(code)
    assert result.tier == "numpy"
    assert result.stdout == "(3,) set()\n"


def test_pandas_has_a_tier_of_its_own() -> None:
    pytest.importorskip("pandas")
    result = run("import pandas as pd\nprint(pd.DataFrame({'a': [1, 2]}).a.sum())")
    assert (result.status, result.tier, result.stdout) == (Status.OK, "data", "3\n")


def test_a_tier_that_does_not_come_up_is_replaced_by_the_lightest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1ci.executors.sandbox.nursery.spawn", _spawn_that_fails_for_numpy)
    result = run("import numpy\nprint(numpy.eye(2).sum())")
    assert (result.status, result.tier, result.stdout) == (Status.OK, "std", "2.0\n")


def _spawn_that_fails_for_numpy(tier: str, mode: str, found: spawn.Ways, *, keep_caches: bool) -> spawn.Zygote:
    if tier == "numpy":
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return spawn.spawn(tier, mode, found, keep_caches=keep_caches)


def test_random_numbers_differ_from_run_to_run() -> None:
    code = "import random, numpy\nprint(random.random(), numpy.random.rand())"
    first, second = (result.stdout.split() for result in run_all([Program(code)] * 2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_a_program_is_main_and_sets_print_in_the_same_order_every_time() -> None:
    code = """
        import __main__, sys
        value = 1
        print(__name__, sys.argv, __main__.value, dir(), {"a", "b", "c", "d", "e"})
    """
    first, second = run_all([Program(textwrap.dedent(code))] * 2)
    assert first.stdout == second.stdout
    assert first.stdout.startswith("__main__ ['main.py'] 1")
    assert "request" not in first.stdout


def test_no_frame_or_object_of_ours_can_be_reached() -> None:
    code = """
        import gc, sys
        frame, frames = sys._getframe(), 0
        while frame.f_back:
            frame, frames = frame.f_back, frames + 1
        ours = [o for o in gc.get_objects() if type(o).__name__ in ("Supervisor", "Zygote", "Job", "socket")]
        print([name for name in sys.modules if name.startswith("r1ci")], ours)
    """
    assert run(code).stdout == "[] []\n"


def test_many_programs_run_on_few_workers_and_keep_their_results_apart(level: str) -> None:
    results = run_all([Program(f"print({n} ** 2)") for n in range(48)], level, workers=3)
    assert [int(result.stdout) for result in results] == [n**2 for n in range(48)]
    assert any(result.queue_s > 0 for result in results)


def test_one_executor_serves_several_event_loops() -> None:
    executor = LocalExecutor(Spec(workers=1))
    outputs = [asyncio.run(executor.run(Program(f"print({n})"))).stdout for n in range(3)]
    asyncio.run(executor.close())
    assert outputs == ["0\n", "1\n", "2\n"]


def test_waiting_for_a_place_takes_nothing_from_the_time_limit() -> None:
    results = run_all([Program("import time; time.sleep(0.4)")] * 3, workers=1, timeout_s=1)
    assert {result.status for result in results} == {Status.OK}
    assert max(result.queue_s for result in results) >= 0.8


def test_a_cancelled_call_frees_its_place() -> None:
    async def main() -> Execution:
        executor = LocalExecutor(Spec(workers=1))
        running = asyncio.create_task(executor.run(Program("import time; time.sleep(600)")))
        waiting = asyncio.create_task(executor.run(Program("print(1)")))
        while executor.metrics().gauges["queued"] < 1 or executor.metrics().gauges["in_flight"] < 1:
            await asyncio.sleep(0.005)
        for task in (running, waiting):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        result = await executor.run(Program("print(2)"))
        await executor.close()
        return result

    assert asyncio.run(main()).stdout == "2\n"


def test_closing_ends_what_runs_and_later_calls_say_so() -> None:
    async def main() -> tuple[Execution, Execution]:
        executor = LocalExecutor(Spec(workers=1))
        running = asyncio.create_task(executor.run(Program("import time; time.sleep(600)")))
        await asyncio.sleep(0)
        await executor.close()
        return await running, await executor.run(Program("print(1)"))

    before = children()
    first, second = asyncio.run(main())
    assert first.status is Status.INFRASTRUCTURE
    assert second.status is Status.INFRASTRUCTURE
    assert "closed" in second.reason
    assert children() == before


def test_descriptors_are_given_back() -> None:
    asyncio.run(LocalExecutor(Spec()).close())
    before = len(os.listdir("/proc/self/fd"))
    run_all([Program(f"print({n})") for n in range(20)])
    run_cells(["x = 1", "print(x)"])
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_killed_zygote_is_replaced_and_its_programs_run_again(level: str) -> None:
    async def main() -> tuple[list[Execution], dict[str, int]]:
        executor = LocalExecutor(Spec(workers=2, isolation="rlimits"), ceiling=level)
        await executor.run(Program("print(0)"))
        tasks = [
            asyncio.create_task(executor.run(Program(f"import time; time.sleep(0.3); print({n})"))) for n in (1, 2)
        ]
        while executor.metrics().gauges["in_flight"] < 2:
            await asyncio.sleep(0.005)
        kill_zygotes()
        results = [await task for task in tasks]
        events = dict(executor.metrics().events)
        await executor.close()
        return results, events

    results, events = asyncio.run(main())
    assert [(result.status, result.stdout, result.attempts) for result in results] == [
        (Status.OK, "1\n", 2),
        (Status.OK, "2\n", 2),
    ]
    assert (events["restart/died"], events["retry/infrastructure"]) == (1, 2)


def test_what_fails_every_time_is_reported_after_a_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> Execution:
        executor = LocalExecutor(Spec(workers=1))

        def broken(*arguments: object) -> None:
            raise BlockingIOError(11, "Resource temporarily unavailable")

        monkeypatch.setattr(supervisor.wire, "send", broken)
        result = await executor.run(Program("print(1)"))
        monkeypatch.undo()
        assert (await executor.run(Program("print(2)"))).stdout == "2\n"
        await executor.close()
        return result

    result = asyncio.run(main())
    assert (result.status, result.attempts) == (Status.INFRASTRUCTURE, supervisor.ATTEMPTS)
    assert "temporarily unavailable" in result.reason


def test_a_worn_zygote_is_replaced_without_losing_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1ci.executors.sandbox.nursery.WORN", 10)

    async def main() -> tuple[list[Execution], dict[str, int]]:
        executor = LocalExecutor(Spec(workers=2))
        results = [await executor.run(Program(f"print({n})")) for n in range(60)]
        events = dict(executor.metrics().events)
        await executor.close()
        return results, events

    results, events = asyncio.run(main())
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(60)]
    assert events["restart/worn"] >= 1


def test_many_cores_get_several_zygotes_and_no_result_is_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1ci.executors.sandbox.nursery.CORES_EACH", 1)
    monkeypatch.setattr("r1ci.executors.sandbox.nursery.BUSY", 2)

    async def main() -> tuple[list[Execution], int]:
        executor = LocalExecutor(Spec(workers=8))
        most = 0
        tasks = [
            asyncio.create_task(executor.run(Program(f"import time; time.sleep(0.1); print({n})"))) for n in range(40)
        ]
        while not all(task.done() for task in tasks):
            most = max(most, len(children_of(os.getpid())))
            await asyncio.sleep(0.01)
        await executor.close()
        return [task.result() for task in tasks], most

    before = len(children_of(os.getpid()))
    results, most = asyncio.run(main())
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(40)]
    assert most - before > 1 or len(os.sched_getaffinity(0)) == 1


def test_programs_end_when_their_caller_is_killed(tmp_path: Path, level: str) -> None:
    caller = f"""
import asyncio, sys
from pathlib import Path
from r1ci.executors.local import LocalExecutor
from r1ci.executors.protocol import Program
from r1ci.spec.models import LocalExecutor as Spec
async def main():
    executor = LocalExecutor(Spec(timeout_s=600, isolation="rlimits"), ceiling={level!r})
    task = asyncio.create_task(executor.run(Program("import time; time.sleep(600)")))
    while executor.metrics().gauges["in_flight"] < 1:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.1)
    print("running", flush=True)
    await task
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", caller], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "running\n"
        below = [os.pidfd_open(pid) for pid in children() if pid != parent.pid]
        assert len(below) >= 2
        parent.kill()
        for fd in below:
            assert ended(fd)
            os.close(fd)


def gone(pid: int) -> bool:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return ended(fd)
    finally:
        os.close(fd)


def ended(pidfd: int) -> bool:
    """Whether a process ends within a while."""
    return bool(select.select([pidfd], [], [], 10)[0])


def test_stricter_isolation_than_the_machine_gives_is_refused() -> None:
    before = children()
    with pytest.raises(EnvironmentMissing, match="gives isolation 'landlock', not 'strict'") as refusal:
        LocalExecutor(Spec(isolation="strict"), ceiling="landlock")
    assert "process namespace" in str(refusal.value)
    assert children() == before


def test_a_layer_that_fails_is_named_and_the_next_way_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawn, "visible", lambda: ["/usr", "/no/such/python"])  # the interpreter is out of sight
    result = run("print(1)")
    assert result.isolation != "strict"
    assert any(reason.startswith("namespaces:") for reason in result.missing)


def test_kernels_without_landlock_or_a_table_still_isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> int:
        raise OSError(38, "landlock: Function not implemented")

    monkeypatch.setattr(landlock, "abi", missing)
    result = run("print(1)")
    assert (result.isolation, result.stdout) == ("strict", "1\n")
    monkeypatch.setattr(seccomp, "supported", lambda: False)
    result = run("print(1)")
    assert result.isolation == "namespaces"
    assert any("no table" in reason for reason in result.missing)


def test_cells_of_a_session_share_state(level: str) -> None:
    results = run_cells(["x = 40", "x += 2", "print(x)"], level)
    assert [result.status for result in results] == [Status.OK] * 3
    assert results[-1].stdout == "42\n"
    assert not any(result.session_lost for result in results)


def test_an_exception_keeps_what_the_cell_did_before_it() -> None:
    _, broken, after = run_cells(["x = 1", "x = 2\n1 / 0", "print(x)"])
    assert broken.status is Status.ERROR
    assert "ZeroDivisionError" in broken.stderr
    assert after.stdout == "2\n"


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("x = 2\nwhile True: pass", Status.TIMEOUT),
        ("x = 2\nimport os; os._exit(0)", Status.ERROR),
        ("x = 2\nimport ctypes; ctypes.string_at(0)", Status.ERROR),
        ("x = 2\ny = []\nwhile True: y.append(b'a' * 10**7)", Status.MEMORY),
        ("x = 2\nwhile True: print('x' * 100_000)", Status.OUTPUT),
    ],
)
def test_a_crash_rolls_back_to_the_state_before_the_cell(cell: str, status: Status, level: str) -> None:
    _, crashed, after = run_cells(["x = 1", cell, "print(x)"], level, timeout_s=1, memory_mb=128)
    assert crashed.status is status
    assert (after.stdout, after.session_lost) == ("1\n", False)


def test_a_session_that_is_destroyed_says_so_and_starts_anew() -> None:
    kill_all = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos._exit(0)"
    _, killed, after = run_cells(["x = 1", kill_all, "print('x' in dir())"])
    assert killed.status is not Status.INFRASTRUCTURE
    assert after.stdout == "False\n"
    assert killed.session_lost or after.session_lost


def test_sessions_are_apart_and_end() -> None:
    async def main() -> list[str]:
        executor = LocalExecutor(Spec(workers=2, sessions=True))
        await asyncio.gather(*[executor.run(Program(f"x = {n}", session=str(n))) for n in range(5)])
        seen = await asyncio.gather(*[executor.run(Program("print(x)", session=str(n))) for n in range(5)])
        await executor.end("3")
        ended = await executor.run(Program("print(x)", session="3"))
        alone = await executor.run(Program("print('x' in dir())"))
        gauge = executor.metrics().gauges["sessions"]
        await executor.close()
        assert "NameError" in ended.stderr
        assert not ended.session_lost
        assert gauge == 5
        return [result.stdout for result in (*seen, alone)]

    before = children()
    assert asyncio.run(main()) == ["0\n", "1\n", "2\n", "3\n", "4\n", "False\n"]
    assert children() == before


def test_unused_sessions_expire_and_the_next_cell_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1ci.executors.sandbox.sessions.TTL_S", 0.01)

    async def main() -> Execution:
        executor = LocalExecutor(Spec(workers=1, sessions=True))
        await executor.run(Program("x = 1", session="a"))
        while executor.metrics().gauges["sessions"]:
            await asyncio.sleep(0.005)
        result = await executor.run(Program("print('x' in dir())", session="a"))
        await executor.close()
        return result

    result = asyncio.run(main())
    assert (result.stdout, result.session_lost) == ("False\n", True)


def test_the_session_unused_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1ci.executors.sandbox.sessions.MOST", 2)

    async def main() -> list[bool]:
        executor = LocalExecutor(Spec(workers=1, sessions=True))
        for name in "abc":
            await executor.run(Program("x = 1", session=name))
        lost = [(await executor.run(Program("pass", session=name))).session_lost for name in "ca"]
        await executor.close()
        return lost

    assert asyncio.run(main()) == [False, True]


def test_a_killed_zygote_loses_its_sessions_and_blames_nobody() -> None:
    async def main() -> tuple[Execution, Execution]:
        executor = LocalExecutor(Spec(workers=1, sessions=True))
        await executor.run(Program("x = 1", session="a"))
        task = asyncio.create_task(executor.run(Program("import time; time.sleep(60)", session="a")))
        while executor.metrics().gauges["in_flight"] < 1:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        kill_zygotes()
        first = await task
        second = await executor.run(Program("print('x' in dir())", session="a"))
        await executor.close()
        return first, second

    first, second = asyncio.run(main())
    assert (first.status, first.session_lost) == (Status.INFRASTRUCTURE, True)
    assert (second.status, second.stdout) == (Status.OK, "False\n")


def test_the_registry_makes_the_local_executor() -> None:
    executor = make_executor(Spec())
    assert asyncio.run(executor.run(Program("print(1)"))).stdout == "1\n"
    asyncio.run(executor.close())
