"""Cases: starting processes, reaching others, and leaving some behind.

Processes that should not survive carry the run's word as their name, so that one that does is found. Nothing here
signals a process that is not its own: whether it could is asked with signal 0.
"""

from __future__ import annotations

from r1ci.executors.conformance.case import (
    CONFINED,
    ENCLOSED,
    EVERYWHERE,
    FILTERED,
    TIMEOUT_S,
    Case,
    Setting,
    Want,
)
from r1ci.executors.conformance.write import DONE, KILLED, REFUSED, attack, odd, source
from r1ci.executors.protocol import Status

GROUP = "processes"
_MARK = "ctypes.CDLL(None).prctl(15, b'@TOKEN@', 0, 0, 0)"
"""Gives the process the run's word as its name."""


def _leaves(name: str, text: str, *wants: Want, timeout_s: float = TIMEOUT_S, else_too: tuple[Want, ...] = ()) -> Case:
    """A program that is allowed to start processes and tries to leave some behind: none may be where it is enclosed."""
    code = f"import ctypes, os, subprocess, sys, time\nmark = lambda: {_MARK}\n" + source(text)
    setting = Setting.SUBPROCESSES
    return Case(name, GROUP, code, wants, ENCLOSED, (*wants, *else_too), setting=setting, timeout_s=timeout_s)


_REFUSED_FORKS = (
    attack(
        GROUP,
        "fork",
        """
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        """,
        FILTERED,
    ),
    attack(GROUP, "vfork-and-exec", "os.posix_spawn('/bin/true', ['true'], {})", FILTERED),
    attack(GROUP, "subprocess", "import subprocess; subprocess.run(['true'], check=True)", FILTERED),
    attack(
        GROUP,
        "os-system",
        """
        if os.system("true") != 0:
            raise PermissionError("it did not run")
        """,
        FILTERED,
    ),
    attack(
        GROUP,
        "multiprocessing",
        """
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(1) as pool:
            return pool.map(abs, [-1])
        """,
        FILTERED,
        note="an OSError that says why, not a hang",
    ),
    attack(
        GROUP,
        "process-pool",
        """
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(1) as pool:
            return pool.submit(abs, -1).result()
        """,
        FILTERED,
        wants=(Want(words=(REFUSED,)), Want(status=(Status.ERROR,), errors=("Error",))),
        otherwise=(Want(words=(REFUSED, DONE)), Want(status=(Status.ERROR,), errors=("Error",))),
    ),
    attack(
        GROUP,
        "fork-bomb",
        f"""
        made = 0
        for _ in range(200):
            try:
                child = os.fork()
            except OSError:
                break
            if child == 0:
                {_MARK}
                time.sleep(30)
                os._exit(0)
            made += 1
        if made == 0:
            raise PermissionError("none was started")
        return made
        """,
        FILTERED,
        note="two hundred at most; the number that was reached is on stderr",
    ),
    attack(GROUP, "exec", "os.execv('/bin/echo', ['echo', 'done'])", FILTERED, wants=(Want(words=(REFUSED, DONE)),)),
)

_OTHERS = (
    attack(
        GROUP,
        "signal-everybody",
        """
        try:
            os.kill(-1, 0)
        except ProcessLookupError:
            raise PermissionError("nobody there")
        """,
        ENCLOSED,
        note="where it may signal nobody of many, the kernel calls that a success",
    ),
    attack(
        GROUP,
        "signal-parent",
        """
        if os.getppid() == 0:
            raise PermissionError("none to be seen")
        os.kill(os.getppid(), 0)
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "see-processes",
        """
        others = [n for n in os.listdir("/proc") if n.isdecimal() and int(n) != os.getpid()]
        if not others:
            raise PermissionError("none to be seen")
        return len(others)
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "scan-process-numbers",
        """
        found = 0
        for number in range(1, 4000):
            if number != os.getpid():
                try:
                    os.kill(number, 0)
                    found += 1
                except OSError:
                    pass
        if not found:
            raise PermissionError("none can be signalled")
        return found
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "trace-parent",
        """
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        if libc.ptrace(0x4206, os.getppid(), None, None) == -1:
            raise OSError(ctypes.get_errno(), "seize")
        libc.ptrace(17, os.getppid(), None, None)
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "parent-memory",
        """
        os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR))
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "read-parent-through-a-call",
        """
        libc = ctypes.CDLL(None, use_errno=True)
        vector = (ctypes.c_uint64 * 2)(8, 8)
        if libc.process_vm_readv(os.getppid(), vector, 1, vector, 1, 0) == -1 and ctypes.get_errno() != errno.EFAULT:
            raise OSError(ctypes.get_errno(), "process_vm_readv")
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "parent-environment",
        """
        if "R1CI_CONFORMANCE" not in open(f"/proc/{os.getppid()}/environ").read():
            raise PermissionError("not ours")
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "own-environment",
        """
        if any("R1CI_CONFORMANCE" in name for name in os.environ):
            return "inherited"
        with open("/proc/self/environ") as file:
            if "R1CI_CONFORMANCE" not in file.read():
                raise PermissionError("clean")
        """,
        EVERYWHERE,
        note="clearing os.environ is not enough: the kernel keeps the block of the exec",
    ),
    attack(
        GROUP,
        "lower-niceness",
        """
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        """,
        CONFINED,
    ),
    odd(
        GROUP,
        "kill-own-group",
        "import os, signal; print('before', flush=True); os.killpg(0, signal.SIGKILL); print('after')",
        Want(status=(Status.SIGNAL,), begins="before"),
        Want(words=("before\nafter",)),
        note="the first process of a namespace cannot kill itself; nobody else may be hit",
    ),
    odd(
        GROUP,
        "kill-itself",
        "import os, signal; print('before', flush=True); os.kill(os.getpid(), signal.SIGKILL); print('after')",
        Want(status=(Status.SIGNAL,), begins="before"),
        Want(words=("before\nafter",)),
    ),
    odd(
        GROUP,
        "inherited-descriptors",
        """
        import os
        found = []
        for fd in range(1024):
            try:
                os.fstat(fd)
                found.append(fd)
            except OSError:
                pass
        print(found)
        """,
        Want(words=("[0, 1, 2]",)),
    ),
)

_LEFT_BEHIND = (
    _leaves(
        "subprocess-allowed",
        "print(subprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout)",
        Want(words=("hi",)),
    ),
    _leaves(
        "pool-allowed",
        """
        from concurrent.futures import ProcessPoolExecutor
        import multiprocessing
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
            print(sum(pool.map(abs, range(-5, 0))))
        """,
        Want(words=("15",)),
        else_too=(Want(status=(Status.ERROR,), errors=("PermissionError",)),),
    ),
    _leaves(
        "sleeping-child",
        """
        if os.fork() == 0:
            mark()
            time.sleep(60)
            os._exit(0)
        print("parent")
        """,
        Want(words=("parent",)),
    ),
    _leaves(
        "daemon",
        """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                mark()
                for fd in (0, 1, 2):
                    os.close(fd)
                time.sleep(60)
            os._exit(0)
        os.wait()
        print("parent")
        """,
        Want(words=("parent",)),
    ),
    _leaves(
        "daemon-holding-stdout",
        """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                mark()
                time.sleep(60)
            os._exit(0)
        os.wait()
        print("parent")
        """,
        Want(words=("parent",), wall_s=(0.0, 5.0)),
    ),
    _leaves(
        "child-that-keeps-printing",
        """
        if os.fork() == 0:
            os.setsid()
            mark()
            try:
                while True:
                    os.write(1, b"child\\n")
                    time.sleep(0.001)
            finally:
                os._exit(0)
        print("parent", flush=True)
        """,
        Want(shows=("parent",), wall_s=(0.0, 5.0)),
    ),
    _leaves(
        "bomb-with-forks-allowed",
        """
        mark()
        made = 0
        for _ in range(300):
            try:
                child = os.fork()
            except OSError:
                break
            if child == 0:
                time.sleep(60)
                os._exit(0)
            made += 1
        print("stopped" if made < 300 else "done")
        """,
        Want(words=("stopped",)),
        Want(status=(Status.MEMORY,)),
        else_too=(Want(words=("done",)),),
    ),
    _leaves(
        "daemon-past-the-deadline",
        """
        if os.fork() == 0:
            os.setsid()
            mark()
            time.sleep(60)
            os._exit(0)
        time.sleep(60)
        """,
        *KILLED,
        timeout_s=0.7,
    ),
    _leaves(
        "child-that-ignores-signals",
        """
        import signal
        if os.fork() == 0:
            mark()
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                pass
        time.sleep(60)
        """,
        *KILLED,
        timeout_s=0.7,
    ),
    _leaves(
        "many-children-memory",
        """
        mark()
        for _ in range(8):
            if os.fork() == 0:
                block = bytearray(200 * 2**20)
                time.sleep(60)
                os._exit(0)
        time.sleep(60)
        print("done")
        """,
        Want(status=(Status.MEMORY,)),
        timeout_s=20.0,
    ),
)


CASES = (*_REFUSED_FORKS, *_OTHERS, *_LEFT_BEHIND)
