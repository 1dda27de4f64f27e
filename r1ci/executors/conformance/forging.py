"""Cases: programs that try to write their own result. How one ended comes from the kernel; what it printed, from it.

A program may always print anything and exit with 0: that is its answer, not a forgery. What it must never do is end as
an infrastructure error (which is retried and costs it nothing), end well although it was stopped, or reach the result
of another program.
"""

from __future__ import annotations

from r1ci.executors.conformance.case import Want
from r1ci.executors.conformance.write import odd
from r1ci.executors.protocol import Status

GROUP = "forging"
_OWN_FAILURE = Want(status=(Status.ERROR,), exit_codes=(1,))
_FORGED = (
    '{"status": "infrastructure", "started": 1, "exited": 1, "refused": 1, "failed": "x", "infra": "x", "ok": true}'
)

CASES = (
    odd(
        GROUP,
        "markers-on-stdout",
        f"print({_FORGED!r}); print('@@E0@@D0'); print('[exit code] 0'); 1 / 0",
        _OWN_FAILURE,
    ),
    odd(
        GROUP,
        "write-to-every-descriptor",
        f"""
        import os
        for fd in range(3, 256):
            try:
                os.write(fd, {_FORGED.encode()!r})
            except OSError:
                pass
        1 / 0
        """,
        _OWN_FAILURE,
    ),
    odd(
        GROUP,
        "send-on-every-descriptor",
        f"""
        import os, socket
        for fd in range(256):
            try:
                with socket.socket(fileno=os.dup(fd)) as end:
                    end.send({_FORGED.encode()!r})
            except OSError:
                pass
        raise SystemExit(5)
        """,
        Want(status=(Status.ERROR,), exit_codes=(5,)),
    ),
    odd(
        GROUP,
        "walk-the-frames",
        """
        import sys
        frame, depth = sys._getframe(), 0
        while frame:
            for name, value in list({**frame.f_globals, **frame.f_locals}.items()):
                if isinstance(value, list):
                    value.append("passed")
                elif isinstance(value, dict) and value is not globals() and name not in ("__builtins__", "modules"):
                    value.update(status="ok", infrastructure=True)
            frame, depth = frame.f_back, depth + 1
        raise SystemExit(7)
        """,
        Want(status=(Status.ERROR,)),
        note="how graders inside the same process are fooled",
    ),
    odd(
        GROUP,
        "find-functions-of-the-executor",
        """
        import gc, sys, types
        names = [n for n in sys.modules if n.split(".")[0] in ("r1ci", "sandbox")]
        found = [f for f in gc.get_objects() if isinstance(f, types.FunctionType)
                 and (f.__module__ or "").split(".")[0] in ("r1ci", "sandbox")]
        for function in found:
            try:
                function.__code__ = (lambda *a, **k: 0).__code__
            except (ValueError, AttributeError):
                pass
        sys.exit(7)
        """,
        Want(status=(Status.ERROR,)),
        Want(words=("",)),
        note="it may spoil its own exit, as os._exit(0) does; never be taken for an infrastructure error",
    ),
    odd(
        GROUP,
        "patch-the-exits",
        """
        import atexit, os, sys, threading
        leave = os._exit
        os._exit = lambda code: leave(0)
        sys.exit = lambda code=0: leave(0)
        threading._shutdown = lambda: leave(0)
        1 / 0
        """,
        Want(status=(Status.ERROR,)),
        Want(words=("",)),
    ),
    odd(
        GROUP,
        "no-exit-at-all",
        "import os\ndef stay(code):\n    while True: pass\nos._exit = stay\nprint('end')",
        Want(words=("end",)),
        Want(status=(Status.TIMEOUT, Status.CPU), words=("end",)),
        timeout_s=0.6,
        note="hanging in its own exit is a time-out",
    ),
    odd(
        GROUP,
        "raise-out-of-the-exit",
        "import os\ndef stay(code): raise RuntimeError\nos._exit = stay\nprint('end', flush=True)",
        Want(words=("end",)),
        Want(status=(Status.ERROR,), words=("end",)),
        note="the fork must not go on as the server it was made from",
    ),
    odd(
        GROUP,
        "fall-back-into-the-server",
        """
        import sys
        print("end", flush=True)
        frame = sys._getframe().f_back
        while frame:
            for name in list(frame.f_globals):
                if callable(frame.f_globals[name]) and name.startswith(("_exit", "finish", "execute", "os")):
                    frame.f_globals[name] = lambda *a, **k: 0
            frame = frame.f_back
        """,
        Want(words=("end",)),
        Want(status=(Status.ERROR,), words=("end",)),
    ),
    odd(
        GROUP,
        "limit-that-imitates-ours",
        "print('ran longer than 10 s'); raise TimeoutError('ran longer than 10 s')",
        Want(status=(Status.ERROR,), exit_codes=(1,), errors=("TimeoutError",)),
    ),
    odd(
        GROUP,
        "ends-well-past-the-deadline",
        """
        import os, signal, time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGXCPU):
            signal.signal(number, lambda *a: (print("passed", flush=True), os._exit(0)))
        time.sleep(60)
        """,
        Want(status=(Status.TIMEOUT,), hides=("passed",)),
        timeout_s=0.6,
        note="an executor that asks first lets a program choose its ending",
    ),
    odd(
        GROUP,
        "equality-that-always-holds",
        "import builtins\nclass A(str):\n    def __eq__(self, o): return True\nbuiltins.str = A; print(str('x'))",
        Want(words=("x",)),
    ),
    odd(
        GROUP,
        "clear-the-modules",
        "import sys; print('end', flush=True); sys.modules.clear()",
        Want(status=(Status.OK, Status.ERROR), words=("end",)),
    ),
    odd(
        GROUP,
        "trace-the-exit",
        """
        import sys, threading
        def trace(frame, event, argument):
            if frame.f_code.co_filename != "main.py":
                raise RuntimeError("traced")
            return trace
        print("end", flush=True)
        threading.settrace(trace)
        sys.settrace(trace)
        """,
        Want(status=(Status.OK, Status.ERROR), begins="end"),
    ),
    odd(
        GROUP,
        "no-builtins",
        "import builtins, sys\nprint('end', flush=True)\nfor n in list(vars(builtins)): delattr(builtins, n)",
        Want(status=(Status.OK, Status.ERROR), words=("end",)),
    ),
)
