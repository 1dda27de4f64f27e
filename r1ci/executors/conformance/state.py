"""Cases: what one program leaves for the next. Nothing: each starts as if it were the first."""

from __future__ import annotations

from typing import Any

from r1ci.executors.conformance.case import CONFINED, ENCLOSED, Case, Setting, Want
from r1ci.executors.conformance.write import odd
from r1ci.executors.protocol import Status

GROUP = "state"
_CLEAN = Want(words=("clean",))


def _leak(name: str, first: str, test: str, **fields: Any) -> Case:
    """One program changes something; the next prints "leaked" if the test still sees it."""
    code = f"print('leaked' if ({test}) else 'clean')\n"
    return Case(name, GROUP, code, (_CLEAN,), first=(first,), **fields)


_NEXT = (
    _leak("builtins-patched", "import builtins; builtins.len = lambda x: 99", "len([]) == 99"),
    _leak("print-deleted", "import builtins; del builtins.print", "'print' not in dir(__builtins__)"),
    _leak("json-patched", "import json; json.dumps = lambda x: 'bad'", "__import__('json').dumps(1) == 'bad'"),
    _leak("numpy-patched", "import numpy; numpy.sum = lambda x: 99", "__import__('numpy').sum([1]) == 99"),
    _leak("module-made", "import sys; sys.modules['planted'] = sys", "'planted' in __import__('sys').modules"),
    _leak("path-changed", "import sys; sys.path.insert(0, '/planted')", "'/planted' in __import__('sys').path"),
    _leak("environment-changed", "import os; os.environ['PLANTED'] = '1'", "'PLANTED' in __import__('os').environ"),
    _leak("main-changed", "planted = 1", "'planted' in globals()"),
    _leak("recursion-limit", "import sys; sys.setrecursionlimit(77)", "__import__('sys').getrecursionlimit() == 77"),
    _leak(
        "digits-limit", "import sys; sys.set_int_max_str_digits(0)", "not __import__('sys').get_int_max_str_digits()"
    ),
    _leak(
        "decimal-precision",
        "import decimal; decimal.getcontext().prec = 3",
        "__import__('decimal').getcontext().prec == 3",
    ),
    _leak(
        "warnings-as-errors",
        "import warnings; warnings.simplefilter('error')",
        "any(f[0] == 'error' for f in __import__('warnings').filters)",
    ),
    _leak(
        "time-zone",
        "import os, time; os.environ['TZ'] = 'PLT-9'; time.tzset()",
        "__import__('time').tzname[0] == 'PLT'",
    ),
    _leak("time-patched", "import time; time.time = lambda: 0.0", "__import__('time').time() == 0.0"),
    _leak(
        "locale",
        "import locale; locale.setlocale(locale.LC_ALL, 'C')",
        "__import__('sys').stdout.encoding.lower() != 'utf-8'",
    ),
    _leak(
        "signal-handler", "import signal; signal.signal(10, signal.SIG_IGN)", "__import__('signal').getsignal(10) == 1"
    ),
    _leak("umask", "import os; os.umask(0o077)", "__import__('os').umask(0) == 0o077"),
    _leak("file-in-the-folder", "open('planted.txt', 'w').close()", "__import__('os').path.exists('planted.txt')"),
    _leak(
        "file-in-tmp",
        "open('/tmp/r1ci-@TOKEN@-x', 'w').close()",
        "__import__('os').path.exists('/tmp/r1ci-@TOKEN@-x')",
        holds=CONFINED,
        otherwise=(Want(words=("clean", "leaked")),),
    ),
    _leak(
        "module-planted-in-tmp",
        "import os; os.chdir('/tmp'); open('/tmp/planted_@TOKEN@.py', 'w').write('x = 1')",
        "__import__('importlib.util').util.find_spec('planted_@TOKEN@')",
        holds=CONFINED,
        otherwise=(_CLEAN,),
    ),
    _leak(
        "module-planted-in-the-folder",
        "open('json.py', 'w').write('dumps = None'); open('sympy.py', 'w').write('planted = 1')",
        "__import__('json').dumps is None or __import__('os').path.exists('sympy.py')",
    ),
    _leak(
        "random-seeded",
        "import random; random.seed(1); random.random()",
        "__import__('random').random() == 0.8474337369372327",
    ),
    _leak("exit-handler", "import atexit; atexit.register(print, 'leaked')", "False"),
    _leak(
        "thread-left",
        "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "__import__('threading').active_count() > 1",
    ),
    _leak("trace-left", "import sys; sys.settrace(lambda *a: None)", "__import__('sys').gettrace()"),
)

_RANDOM = (
    odd(
        GROUP,
        "random-differs",
        "import random; print(random.random())",
        Want(fresh=True),
        first=("import random; print(random.random())",),
    ),
    odd(
        GROUP,
        "numpy-random-differs",
        "import numpy; print(numpy.random.rand())",
        Want(fresh=True),
        first=("import numpy; print(numpy.random.rand())",),
        note="its global generator does not notice a fork",
    ),
    odd(
        GROUP,
        "hash-seed-is-fixed",
        "print(hash('r1ci') == hash('r1ci'), len({str(i) for i in range(99)}))",
        Want(words=("True 99",)),
    ),
)

_PLANTED = (
    odd(
        GROUP,
        "given-json-shadows-nothing-loaded",
        "import json; print(json.dumps([1]))",
        Want(words=("[1]",)),
        Want(words=("planted",)),
        Want(status=(Status.ERROR,), errors=("json",)),
        files={"json.py": b"dumps = lambda x: 'planted'\n"},
        note="a module given in the working directory is the program's own affair, as in python",
    ),
    odd(
        GROUP,
        "given-sitecustomize",
        "print('main')",
        Want(words=("main",)),
        files={"sitecustomize.py": b"print('planted')\n", "usercustomize.py": b"print('planted')\n"},
        note="nothing of the program's may run before it",
    ),
    odd(
        GROUP,
        "given-modules-of-the-executor",
        "print('main')",
        Want(words=("main",)),
        files={
            f"{name}.py": b"print('planted')\nraise SystemExit(9)\n"
            for name in ("os", "r1ci", "traceback", "linecache", "ctypes")
        },
    ),
    odd(
        GROUP,
        "given-modules-at-an-exception",
        "1 / 0",
        Want(status=(Status.ERROR,), errors=("ZeroDivisionError",)),
        files={"linecache.py": b"raise SystemExit(0)\n", "tokenize.py": b"raise SystemExit(0)\n"},
    ),
)


def _session(name: str, first: tuple[str, ...], code: str, *wants: Want, **fields: Any) -> Case:
    return odd("sessions", name, code, *wants, first=first, setting=Setting.SESSIONS, **fields)


_SESSIONS = (
    _session("state-is-kept", ("x = 41",), "print(x + 1)", Want(words=("42",))),
    _session(
        "functions-and-imports-are-kept",
        ("import math\ndef f(x): return math.floor(x)",),
        "print(f(2.5))",
        Want(words=("2",)),
    ),
    _session(
        "files-are-kept", ("open('a.txt', 'w').write('kept')",), "print(open('a.txt').read())", Want(words=("kept",))
    ),
    _session("an-exception-keeps-what-was-before", ("x = 1", "x = 2; 1 / 0"), "print(x)", Want(words=("1", "2"))),
    _session(
        "a-crash-rolls-back", ("x = 1", "x = 2; import ctypes; ctypes.string_at(0)"), "print(x)", Want(words=("1",))
    ),
    _session(
        "a-time-out-rolls-back", ("x = 1", "x = 2\nwhile True: pass"), "print(x)", Want(words=("1",)), timeout_s=0.6
    ),
    _session(
        "running-out-of-memory-rolls-back",
        ("x = 1", "x = 2; b = bytearray(3 * 2**30)"),
        "print(x)",
        Want(words=("1", "2")),
    ),
    _session("a-hard-exit-rolls-back", ("x = 1", "x = 2; import os; os._exit(0)"), "print(x)", Want(words=("1",))),
    _session("sessions-are-apart", ("x = 1",), "print('x' in globals())", Want(words=("False",)), apart=True),
    _session(
        "files-are-apart",
        ("open('/tmp/r1ci-@TOKEN@-s', 'w').close()",),
        "import os; print(os.path.exists('/tmp/r1ci-@TOKEN@-s'))",
        Want(words=("False",)),
        apart=True,
        holds=ENCLOSED,
        otherwise=(Want(words=("False", "True")),),
    ),
    _session("the-exit-code-is-each-cell-s", ("1 / 0",), "print('fine')", Want(words=("fine",))),
    _session("exit-ends-the-cell", ("x = 1", "import sys; sys.exit(0)"), "print(x)", Want(words=("1",))),
)

CASES = (*_NEXT, *_RANDOM, *_PLANTED, *_SESSIONS)
