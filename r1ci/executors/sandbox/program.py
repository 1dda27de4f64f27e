"""Run a program as __main__ in a process that is already set up, and end the process.

The exit code is all that leaves: 0, 1 for an uncaught exception, what sys.exit was given, or ``MEMORY_EXIT`` for an
uncaught MemoryError. (A program that exits with that code on purpose is taken for one that ran out of memory, which
wins it nothing.) Everything here may be tampered with by the program once it runs; nothing here decides more than how
its own exit looks.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
import threading
from collections.abc import Sequence
from types import ModuleType, TracebackType
from typing import NoReturn

from r1ci.executors.sandbox import wire

MEMORY_EXIT = 86
INTERRUPT_EXIT = 130
NAME = "main.py"


def lay_out(fd: int) -> bytes:
    """Write the program that a descriptor holds, and its files, into the working directory; its source.

    Plain system calls: the layers of Python's files would touch memory that is the zygote's until then.
    """
    data = b"".join(iter(lambda: os.read(fd, 2**20), b""))
    source, files = wire.unpack(data)
    for name, content in (*files.items(), (NAME, source)):
        if "/" in name:
            os.makedirs(os.path.dirname(name), exist_ok=True)
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.close(file)
    return source


def fresh_main() -> ModuleType:
    """A new, empty ``__main__``."""
    main = ModuleType("__main__")
    main.__dict__.update(__file__=NAME, __builtins__=builtins)
    sys.modules["__main__"] = main
    sys.argv[:] = [NAME]
    sys.path.insert(0, os.getcwd())
    return main


def execute(source: bytes, main: ModuleType, packages: Sequence[str]) -> int:
    """Run a source in a ``__main__``; its exit code. Uncaught exceptions are printed as Python prints them."""
    try:
        exec(compile(source, NAME, "exec", dont_inherit=True), main.__dict__)
    except SystemExit as leaving:
        return _exit_code(leaving.code)
    except BaseException as error:
        return _report(error, packages)
    return 0


def finish(code: int) -> NoReturn:
    """Wait for threads, run exit handlers, flush, leave. Skips the interpreter's own teardown: the process ends."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException as error:
        code = code or _report(error, ())
    code = flush(code)
    os._exit(code)


def flush(code: int) -> int:
    """Write out what the program printed; the exit code, that of the interpreter if it cannot be written."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException:
            code = code or 120  # as the interpreter does
    return code


def _exit_code(given: object) -> int:
    if given is None:
        return 0
    if isinstance(given, int):
        return given & 0xFF
    try:
        print(given, file=sys.stderr)
    except BaseException:
        return 1
    return 1


def _report(error: BaseException, packages: Sequence[str]) -> int:
    """Print an uncaught exception without frames of ours."""
    try:
        trace: TracebackType | None = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        if isinstance(error, ModuleNotFoundError) and packages:
            error.add_note(f"Installed besides the standard library: {', '.join(packages)}")
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except BaseException:
        return 1
    if isinstance(error, MemoryError):
        return MEMORY_EXIT
    return INTERRUPT_EXIT if isinstance(error, KeyboardInterrupt) else 1
