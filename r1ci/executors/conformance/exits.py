"""Cases: how programs end, and what they do on the way out."""

from __future__ import annotations

from r1ci.executors.conformance.case import Case, Want
from r1ci.executors.conformance.write import odd
from r1ci.executors.protocol import Status

GROUP = "exits"
_CRASH = Want(status=(Status.SIGNAL,))


def _imitation(code: int) -> Case:
    """An exit code that a sandbox might use among its own parts: it stays the program's."""
    own = (Want(status=(Status.ERROR,), exit_codes=(code,)),)
    memory = (Want(status=(Status.MEMORY,)),) if code == 86 else ()
    note = "taken for a MemoryError, which wins nothing" if memory else "never an infrastructure error"
    return odd(GROUP, f"exit-code-{code}", f"import os; os._exit({code})", *own, *memory, note=note)


CASES = (
    *map(_imitation, (86, 120, 121, 122, 125, 126, 127, 130, 137, 255)),
    odd(GROUP, "hard-exit-0", "import os; print('x', flush=True); os._exit(0)", Want(words=("x",), exit_codes=(0,))),
    odd(
        GROUP,
        "exit-text",
        "import sys; sys.exit('why')",
        Want(status=(Status.ERROR,), errors=("why",), exit_codes=(1,)),
    ),
    odd(GROUP, "exit-none", "import sys; print('x'); sys.exit(None)", Want(words=("x",), exit_codes=(0,))),
    odd(GROUP, "exit-300", "import sys; sys.exit(300)", Want(status=(Status.ERROR,), exit_codes=(44,))),
    odd(GROUP, "exit-true", "import sys; sys.exit(True)", Want(status=(Status.ERROR,), exit_codes=(1,))),
    odd(GROUP, "exit-huge", "import sys; sys.exit(2**100)", Want(status=(Status.OK, Status.ERROR))),
    odd(
        GROUP,
        "exit-unprintable",
        "class X:\n  def __str__(self): 1/0\nraise SystemExit(X())",
        Want(status=(Status.ERROR,)),
    ),
    odd(GROUP, "exit-builtins", "exit(3)", Want(status=(Status.ERROR,), exit_codes=(3,))),
    odd(
        GROUP,
        "exception",
        "print('x')\n1 / 0",
        Want(status=(Status.ERROR,), words=("x",), errors=("ZeroDivisionError", "line 2"), exit_codes=(1,)),
    ),
    odd(
        GROUP,
        "exception-shows-only-its-own-frames",
        "def f():\n    raise ValueError('here')\nf()",
        Want(
            status=(Status.ERROR,),
            errors=("raise ValueError('here')", "ValueError: here"),
            hides=("r1ci", "exec(", "sandbox"),
        ),
        note="the source line is shown, and no frame of the executor",
    ),
    odd(
        GROUP,
        "exception-chain",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e",
        Want(status=(Status.ERROR,), errors=("direct cause", "KeyError", "ZeroDivisionError")),
    ),
    odd(
        GROUP,
        "exception-unprintable",
        "class E(Exception):\n    def __str__(self): raise RuntimeError\nraise E",
        Want(status=(Status.ERROR,), exit_codes=(1,)),
    ),
    odd(GROUP, "keyboard-interrupt", "raise KeyboardInterrupt", Want(status=(Status.ERROR, Status.SIGNAL))),
    odd(GROUP, "generator-exit", "raise GeneratorExit", Want(status=(Status.ERROR,), exit_codes=(1,))),
    odd(
        GROUP,
        "exception-group",
        "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])",
        Want(status=(Status.ERROR,), errors=("ValueError: 1", "TypeError: 2")),
    ),
    odd(
        GROUP,
        "own-hook",
        "import sys; sys.excepthook = lambda *a: print('hooked'); 1 / 0",
        Want(status=(Status.ERROR,), words=("hooked",)),
    ),
    odd(
        GROUP,
        "hook-that-raises",
        "import sys\ndef hook(*a): raise RuntimeError\nsys.excepthook = hook\n1 / 0",
        Want(status=(Status.ERROR,)),
    ),
    odd(
        GROUP,
        "hook-that-leaves",
        "import os, sys; sys.excepthook = lambda *a: os._exit(0); print('x', flush=True); 1 / 0",
        Want(words=("x",)),
        Want(status=(Status.ERROR,)),
        note="a program may choose its exit code",
    ),
    odd(GROUP, "segfault", "import ctypes; ctypes.string_at(0)", _CRASH, note="in a process of its own"),
    odd(
        GROUP, "abort", "import os; os.abort()", _CRASH, note="the first process of a namespace dies by SIGSEGV instead"
    ),
    odd(GROUP, "illegal-instruction", "import signal; signal.raise_signal(4)", _CRASH, Want(words=("",))),
    odd(
        GROUP,
        "exit-handlers-run-in-order",
        "import atexit\natexit.register(print, 'second')\natexit.register(print, 'first')\nprint('main')",
        Want(words=("main\nfirst\nsecond",)),
    ),
    odd(
        GROUP,
        "exit-handler-that-raises",
        "import atexit; atexit.register(lambda: 1 / 0); print('main')",
        Want(status=(Status.OK, Status.ERROR), words=("main",), errors=("ZeroDivisionError",)),
    ),
    odd(
        GROUP,
        "thread-outlives-main",
        """
        import threading, time
        threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
        print("main")
        """,
        Want(words=("main\nthread",)),
        note="python waits for it, and so must an executor",
    ),
    odd(
        GROUP,
        "daemon-thread-does-not-outlive-main",
        """
        import threading, time
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        print("main")
        """,
        Want(words=("main",)),
    ),
    odd(
        GROUP,
        "thread-that-raises",
        "import threading; t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join(); print('main')",
        Want(words=("main",), errors=("ZeroDivisionError",)),
    ),
    odd(
        GROUP,
        "finaliser-prints",
        "class D:\n    def __del__(self): print('deleted', flush=True)\nd = D(); del d; print('end')",
        Want(words=("deleted\nend",)),
    ),
    odd(
        GROUP,
        "finaliser-at-exit",
        "class D:\n    def __del__(self):\n        while True: pass\nd = D(); print('end')",
        Want(words=("end",)),
        Want(status=(Status.TIMEOUT,), words=("end",)),
        timeout_s=0.6,
        note="an executor that skips the interpreter's teardown never runs it",
    ),
    odd(
        GROUP,
        "exit-in-a-thread",
        "import os, threading\nthreading.Thread(target=lambda: os._exit(9)).start()\nwhile True: pass",
        Want(status=(Status.ERROR,), exit_codes=(9,)),
    ),
)
