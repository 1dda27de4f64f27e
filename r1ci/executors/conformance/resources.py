"""Cases: time, memory, disk, threads, descriptors. Every bomb is bounded, so that an executor without limits lives."""

from __future__ import annotations

import dataclasses
from typing import Any

from r1ci.executors.conformance.case import CONFINED, ENCLOSED, EVERYWHERE, FILTERED, MEMORY_MB, Case, Want
from r1ci.executors.conformance.write import BAD_ENDS, DONE, KILLED, OUT_OF_MEMORY, REFUSED, attack, odd
from r1ci.executors.protocol import Status

GROUP = "resources"
_SHORT_S = 0.6
_ON_TIME = (Want(status=(Status.TIMEOUT, Status.CPU), wall_s=(0.5, 2.5)),)
_NEAR_LIMIT_MB = MEMORY_MB * 1.25 + 64


def _memory(name: str, text: str, holds: frozenset[str] = EVERYWHERE, **fields: Any) -> Case:
    bounded = tuple(dataclasses.replace(want, memory_mb=_NEAR_LIMIT_MB) for want in OUT_OF_MEMORY)
    return attack(GROUP, name, text, holds, **{"wants": bounded, **fields})


_TIME = (
    odd(GROUP, "sleep-past-the-limit", "import time; time.sleep(60)", *_ON_TIME, timeout_s=_SHORT_S),
    odd(GROUP, "spin", "while True: pass", *_ON_TIME, timeout_s=_SHORT_S),
    odd(
        GROUP,
        "partial-output-is-kept",
        "print('before'); import time; time.sleep(60)",
        Want(status=(Status.TIMEOUT,), words=("before",)),
        timeout_s=_SHORT_S,
    ),
    odd(
        GROUP,
        "partial-output-without-newline",
        "import sys, time; sys.stdout.write('dots...'); sys.stdout.flush(); time.sleep(60)",
        Want(status=(Status.TIMEOUT,), words=("dots...",)),
        timeout_s=_SHORT_S,
    ),
    odd(
        GROUP,
        "mask-every-signal",
        """
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            pass
        """,
        *_ON_TIME,
        timeout_s=_SHORT_S,
    ),
    odd(
        GROUP,
        "swallow-every-exception",
        """
        while True:
            try:
                while True:
                    pass
            except BaseException:
                continue
        """,
        *_ON_TIME,
        timeout_s=_SHORT_S,
    ),
    odd(
        GROUP,
        "stuck-in-a-pattern",
        "import re; re.match(r'(a+)+$', 'a' * 64 + 'b')",
        *_ON_TIME,
        timeout_s=_SHORT_S,
        note="a loop in C that never looks at signals",
    ),
    odd(GROUP, "stuck-in-a-power", "9 ** 9 ** 9", *KILLED, *OUT_OF_MEMORY, timeout_s=_SHORT_S),
    odd(
        GROUP,
        "exit-handler-that-hangs",
        "import atexit, time; atexit.register(time.sleep, 60); print('main is over')",
        Want(status=(Status.TIMEOUT,), begins="main is over"),
        timeout_s=_SHORT_S,
    ),
    odd(
        GROUP,
        "thread-that-hangs",
        "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); print('main is over')",
        Want(status=(Status.TIMEOUT,), begins="main is over"),
        timeout_s=_SHORT_S,
    ),
    odd(
        GROUP,
        "time-is-patched",
        """
        import time
        time.time = time.monotonic = time.perf_counter = lambda: 0.0
        time.sleep = lambda seconds: None
        while time.time() < 1:
            pass
        """,
        Want(status=(Status.TIMEOUT, Status.CPU), wall_s=(0.5, 2.5)),
        timeout_s=_SHORT_S,
        note="the deadline is kept outside",
    ),
    odd(
        GROUP,
        "alarm-of-its-own",
        "import signal, time; signal.alarm(0); signal.setitimer(signal.ITIMER_REAL, 0); time.sleep(60)",
        *_ON_TIME,
        timeout_s=_SHORT_S,
        note="disarms what an executor may have armed inside",
    ),
    odd(
        GROUP,
        "burn-on-four-threads",
        """
        import hashlib, threading
        def burn():
            while True:
                hashlib.sha256(bytes(2**20)).digest()
        for _ in range(4):
            threading.Thread(target=burn).start()
        """,
        *_ON_TIME,
        timeout_s=_SHORT_S,
    ),
)

_MEMORY = (
    odd(
        GROUP, "memory-uncaught", "block = bytearray(3 * 2**30)", Want(status=(Status.MEMORY,), errors=("MemoryError",))
    ),
    _memory("memory-bytearray", "return len(bytearray(3 * 2**30))"),
    _memory("memory-string", "return len('a' * 10**10)"),
    _memory(
        "memory-list",
        """
        block = []
        for _ in range(1500):
            block.append(bytearray(b"x") * 2**20)
        return len(block)
        """,
    ),
    _memory(
        "memory-anonymous-map",
        """
        import mmap
        block = mmap.mmap(-1, 3 * 2**30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for at in range(0, 3 * 2**30, 2**16):
            block[at] = 1
        """,
    ),
    _memory(
        "memory-shared-map",
        """
        import mmap
        block = mmap.mmap(-1, 3 * 2**30)
        for at in range(0, 2**30, 4096):
            block[at] = 1
        """,
        note="memory that the limit on data does not count",
    ),
    _memory(
        "memory-shared-map-just-above",
        f"""
        import mmap
        blocks = []
        for _ in range(30):
            block = mmap.mmap(-1, {MEMORY_MB} * 2**20 // 10)
            block.write(bytes(len(block)))
            blocks.append(block)
        time.sleep(1)
        """,
        note="under the slack that address space needs, over the limit",
    ),
    _memory(
        "memory-of-files-without-names",
        """
        fds = [os.memfd_create("x") for _ in range(20)]
        for fd in fds:
            for _ in range(50):
                os.write(fd, bytes(2**20))
        time.sleep(0.5)
        """,
        FILTERED,
    ),
    _memory(
        "memory-of-a-mapped-file",
        """
        import mmap
        files = []
        for index in range(64):
            with open(f"part{index}", "w+b") as file:
                file.truncate(14 * 2**20)
                part = mmap.mmap(file.fileno(), 0)
            for at in range(0, len(part), 4096):
                part[at] = 1
            files.append(part)
        """,
        ENCLOSED,
        wants=(Want(status=(Status.MEMORY, Status.SIGNAL)), Want(words=(REFUSED,))),
        otherwise=(Want(words=(REFUSED, DONE)), Want(status=(Status.MEMORY, Status.SIGNAL, Status.OUTPUT))),
        note="a full tmpfs answers a write through a map with SIGBUS",
    ),
    _memory(
        "memory-numpy",
        """
        try:
            import numpy
        except ImportError:
            print("skip"); sys.exit()
        return numpy.ones(3 * 2**27).sum()
        """,
        may_skip=True,
    ),
    odd(
        GROUP,
        "memory-below-the-limit",
        f"block = bytearray(b'x') * ({MEMORY_MB} * 2**20 // 2); print(len(block))",
        Want(words=(str(MEMORY_MB * 2**20 // 2),)),
        note="what was promised must be there",
    ),
    odd(
        GROUP,
        "memory-error-is-caught",
        """
        try:
            block = bytearray(3 * 2**30)
        except MemoryError:
            print("caught")
        """,
        Want(words=("caught",)),
    ),
    odd(
        GROUP,
        "recursion-without-limit",
        """
        import sys
        sys.setrecursionlimit(10**9)
        def down(n):
            return down(n + 1) + 1
        down(0)
        """,
        Want(status=BAD_ENDS),
        timeout_s=4.0,
    ),
    odd(
        GROUP,
        "recursion",
        "def down(): down()\ndown()",
        Want(status=(Status.ERROR,), errors=("RecursionError",), exit_codes=(1,)),
    ),
    odd(
        GROUP,
        "recursion-in-c",
        """
        import sys
        sys.setrecursionlimit(10**6)
        x = []
        for _ in range(10**5):
            x = [x]
        repr(x)
        """,
        Want(status=(Status.OK, *BAD_ENDS)),
    ),
)

_COUNTS = (
    attack(
        GROUP,
        "three-thousand-threads",
        """
        stop = threading.Event()
        made = 0
        try:
            for made in range(3000):
                threading.Thread(target=stop.wait, daemon=True).start()
        except RuntimeError as error:
            raise MemoryError(f"{made} threads: {error}")
        finally:
            stop.set()
        """,
        EVERYWHERE,
        wants=(Want(words=(REFUSED,)), Want(status=(Status.MEMORY,))),
    ),
    attack(GROUP, "five-thousand-descriptors", "return len([os.dup(0) for _ in range(5000)])", EVERYWHERE),
    attack(
        GROUP,
        "one-large-file",
        """
        with open("large", "wb") as file:
            for _ in range(100):
                file.write(bytes(2**20))
        """,
        EVERYWHERE,
        wants=(Want(words=(REFUSED,)), Want(status=(Status.SIGNAL, Status.MEMORY))),
    ),
    attack(
        GROUP,
        "many-files",
        """
        for index in range(20):
            with open(f"file{index}", "wb") as file:
                for _ in range(10):
                    file.write(bytes(2**20))
        """,
        ENCLOSED,
        otherwise=(Want(words=(REFUSED, DONE)), Want(status=(Status.OUTPUT,))),
    ),
    attack(
        GROUP,
        "many-empty-files",
        """
        for index in range(20_000):
            os.close(os.open(f"file{index}", os.O_CREAT | os.O_WRONLY))
        """,
        ENCLOSED,
        otherwise=(Want(words=(REFUSED, DONE)), Want(status=(Status.OUTPUT,))),
    ),
    attack(
        GROUP,
        "sparse-file",
        """
        with open("sparse", "wb") as file:
            file.truncate(2**40)
        """,
        EVERYWHERE,
    ),
    attack(
        GROUP,
        "fill-shared-memory",
        """
        path = "/dev/shm/r1ci-@TOKEN@"
        for index in range(20):
            with open(f"{path}-{index}", "wb") as file:
                for _ in range(10):
                    file.write(bytes(2**20))
        """,
        CONFINED,
    ),
    odd(
        GROUP,
        "threads-still-work",
        """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool:
            print(sum(pool.map(lambda x: x * x, range(100))))
        """,
        Want(words=("328350",)),
    ),
)

CASES = (*_TIME, *_MEMORY, *_COUNTS)
