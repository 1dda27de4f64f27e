"""Cases: Python as programs expect it, and sources that are odd."""

from __future__ import annotations

from typing import Any

from r1ci.executors.conformance.case import Case, Want
from r1ci.executors.conformance.write import odd, source
from r1ci.executors.protocol import MAX_CODE_BYTES, Status

GROUP = "python"
_REJECTED = Want(status=(Status.REJECTED,))


def _raw(name: str, code: str, *wants: Want, **fields: Any) -> Case:
    """A source taken byte for byte."""
    return Case(name, "sources", code, wants, **fields)


_SOURCES = (
    _raw("empty", "", Want(words=("",))),
    _raw("only-white-space", "  \n\t\n", Want(words=("",))),
    _raw("only-comments", "# nothing\n# at all", Want(words=("",))),
    _raw("no-last-newline", "if True:\n    print(1)", Want(words=("1",))),
    _raw("carriage-returns", "x = 1\r\nif x:\r\n    print('y')\r\n", Want(words=("y",))),
    _raw("byte-order-mark", "\ufeffprint('bom')", Want(words=("bom",))),
    _raw("coding-cookie", "# -*- coding: utf-8 -*-\nprint('\u00e9')", Want(words=("\u00e9",))),
    _raw("coding-cookie-latin-1", "# coding: latin-1\nprint('ok')", Want(words=("ok",))),
    _raw("coding-cookie-unknown", "# coding: nonsense\nprint('ok')", Want(status=(Status.ERROR,)), Want(words=("ok",))),
    _raw(
        "syntax-error",
        "print('x'\nfor",
        Want(status=(Status.ERROR,), words=("",), errors=("SyntaxError",), exit_codes=(1,)),
    ),
    _raw("indentation-error", "if 1:\nprint(1)", Want(status=(Status.ERROR,), errors=("IndentationError",))),
    _raw("tabs-and-spaces", "if 1:\n\tx = 1\n        y = 2\n", Want(status=(Status.ERROR,), errors=("TabError",))),
    _raw("nul-byte", "print('a')\0print('b')", Want(status=(Status.ERROR, Status.REJECTED))),
    _raw("lone-surrogate", "print('\ud800')", Want(status=(Status.ERROR, Status.REJECTED))),
    _raw("long-line", f"x = {'+'.join(['1'] * 2000)}\nprint(x)", Want(words=("2000",))),
    _raw(
        "deep-parentheses", f"x = {'(' * 5000}1{')' * 5000}", Want(status=(Status.ERROR, Status.MEMORY, Status.SIGNAL))
    ),
    _raw("many-lines", "x = 0\n" + "x += 1\n" * 20_000 + "print(x)", Want(words=("20000",))),
    _raw(
        "one-mebibyte", f"s = '{'a' * (MAX_CODE_BYTES - 30)}'\nprint(len(s))", Want(words=(str(MAX_CODE_BYTES - 30),))
    ),
    _raw("more-than-a-mebibyte", f"# {'a' * MAX_CODE_BYTES}", _REJECTED, note="named, not run and not cut"),
    _raw("ten-mebibytes", f"# {'a' * 10 * 2**20}", _REJECTED),
    _raw("no-time", "print(1)", _REJECTED, timeout_s=0.0),
    _raw("negative-time", "print(1)", _REJECTED, timeout_s=-1.0),
    _raw("no-memory", "print(1)", _REJECTED, memory_mb=0),
    _raw("file-outside", "print(1)", _REJECTED, files={"../planted.py": b""}),
    _raw("file-with-a-root", "print(1)", _REJECTED, files={"/tmp/planted.py": b""}),
    _raw("identifiers", "\u03c0 = 3; \u540d\u524d = 4; print(\u03c0 + \u540d\u524d)", Want(words=("7",))),
    _raw(
        "triple-quotes",
        "x = '''a\"\"\"b'''\nprint(x, \"'''\", r'\\n', '{}', '%s')",
        Want(words=("a\"\"\"b ''' \\n {} %s",)),
    ),
    _raw("future-import", "from __future__ import annotations\nprint(1)", Want(words=("1",))),
    _raw(
        "future-is-not-inherited",
        "def f(x: int): pass\nprint(f.__annotations__)",
        Want(words=("{'x': <class 'int'>}",)),
    ),
)

_STDIN = (
    odd(GROUP, "input-at-its-end", "input()", Want(status=(Status.ERROR,), errors=("EOFError",))),
    odd(GROUP, "input-reads-lines", "print(int(input()) + int(input()))", Want(words=("7",)), stdin="3\n4\n"),
    odd(GROUP, "stdin-unicode", "print(input())", Want(words=("\u00e9\u4e2d",)), stdin="\u00e9\u4e2d\n"),
    odd(
        GROUP,
        "stdin-five-mb",
        "import sys; print(len(sys.stdin.read()))",
        Want(words=("5000000",)),
        stdin="x" * 5_000_000,
    ),
    odd(GROUP, "stdin-unread", "print('fine')", Want(words=("fine",)), stdin="x" * 1_000_000),
    odd(
        GROUP,
        "stdin-is-no-terminal",
        "import sys; print(sys.stdin.isatty(), sys.stdout.isatty())",
        Want(words=("False False",)),
    ),
)

_LANGUAGE = (
    odd(GROUP, "is-main", "print(__name__)\nif __name__ == '__main__': print('run')", Want(words=("__main__\nrun",))),
    odd(GROUP, "main-module", "import __main__; x = 5; print(__main__.x)", Want(words=("5",))),
    odd(GROUP, "arguments", "import sys; print(len(sys.argv))", Want(words=("1",))),
    odd(
        GROUP,
        "pickle-of-a-class-of-main",
        """
        import pickle
        from dataclasses import dataclass
        @dataclass
        class P:
            x: int
        print(pickle.loads(pickle.dumps(P(3))))
        """,
        Want(words=("P(x=3)",)),
    ),
    odd(
        GROUP,
        "typing-of-main",
        "from typing import NamedTuple, get_type_hints\nclass A(NamedTuple):\n    x: 'int'\nprint(get_type_hints(A))",
        Want(words=("{'x': <class 'int'>}",)),
    ),
    odd(
        GROUP,
        "source-of-a-function",
        "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f))",
        Want(shows=("return 1",)),
        Want(status=(Status.ERROR,), errors=("OSError",)),
    ),
    odd(
        GROUP,
        "doctest",
        "def f():\n    '''\n    >>> f()\n    1\n    '''\n    return 1\nimport doctest; print(doctest.testmod())",
        Want(words=("TestResults(failed=0, attempted=1)",)),
    ),
    odd(
        GROUP,
        "unittest",
        "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(1, 2)\nunittest.main()",
        Want(status=(Status.ERROR,), errors=("AssertionError", "FAILED")),
    ),
    odd(
        GROUP,
        "warning",
        "import warnings; warnings.warn('careful'); print('on')",
        Want(words=("on",), errors=("careful",)),
    ),
    odd(GROUP, "huge-integer-as-text", "print(10 ** 5000)", Want(status=(Status.ERROR,), errors=("ValueError",))),
    odd(
        GROUP,
        "huge-integer",
        "import sys; sys.set_int_max_str_digits(0); print(len(str(7 ** 10_000)))",
        Want(words=("8451",)),
    ),
    odd(
        GROUP,
        "decimal",
        "from decimal import Decimal, getcontext; getcontext().prec = 30; print(Decimal(1) / 7)",
        Want(words=("0.142857142857142857142857142857",)),
    ),
    odd(
        GROUP,
        "fractions",
        "from fractions import Fraction; print(Fraction(1, 3) + Fraction(1, 6))",
        Want(words=("1/2",)),
    ),
    odd(
        GROUP,
        "garbage-collector",
        "import gc; gc.disable(); gc.set_threshold(1); gc.enable(); print(gc.collect() >= 0, gc.isenabled())",
        Want(words=("True True",)),
    ),
    odd(
        GROUP,
        "settrace",
        "import sys; n = []; sys.settrace(lambda *a: n.append(1)); (lambda: 0)(); sys.settrace(None); print(n != [])",
        Want(words=("True",)),
    ),
    odd(
        GROUP,
        "exec-and-eval",
        "exec('y = 2'); print(eval('y + 1'), compile('1', 'f', 'eval').co_filename)",
        Want(words=("3 f",)),
    ),
    odd(
        GROUP,
        "generators-and-match",
        "def g():\n    yield from range(3)\nmatch list(g()):\n    case [0, *r]: print(r)",
        Want(words=("[1, 2]",)),
    ),
    odd(GROUP, "ctypes", "import ctypes; print(ctypes.CDLL(None).abs(-3))", Want(words=("3",))),
    odd(
        GROUP,
        "sqlite",
        "import sqlite3; print(sqlite3.connect(':memory:').execute('select 1 + 1').fetchone())",
        Want(words=("(2,)",)),
    ),
    odd(
        GROUP,
        "standard-library",
        "import ast, csv, datetime, difflib, email, html, http, logging, pathlib, queue, secrets\n"
        "import sched, shelve, ssl, uuid, xml.etree.ElementTree, zipfile, zoneinfo, lzma, bz2, zlib; print('all')",
        Want(words=("all",)),
    ),
    odd(
        GROUP,
        "locale-of-c",
        "import locale; locale.setlocale(locale.LC_ALL, 'C'); print('\\u00e9')",
        Want(words=("\u00e9",)),
    ),
    odd(
        GROUP,
        "time-zone-of-its-own",
        "import os, time; os.environ['TZ'] = 'XYZ-9'; time.tzset(); print(time.strftime('%Z', time.localtime(0)))",
        Want(words=("XYZ",)),
    ),
    odd(
        GROUP,
        "time-passes",
        "import time; a = time.monotonic(); time.sleep(0.02); print(time.monotonic() - a >= 0.02, time.time() > 1.6e9)",
        Want(words=("True True",)),
    ),
    odd(
        GROUP,
        "user-and-home",
        "import getpass, os, pathlib; print(bool(getpass.getuser()), pathlib.Path.home().is_dir())",
        Want(words=("True True",)),
    ),
    odd(
        GROUP,
        "no-r1ci-on-the-path",
        "import sys; print([n for n in sys.modules if n.split('.')[0] == 'r1ci'])",
        Want(words=("[]",)),
    ),
    odd(
        GROUP,
        "absent-package",
        "import absent_package",
        Want(status=(Status.ERROR,), errors=("ModuleNotFoundError", "absent_package")),
        note="and it says which packages are there",
    ),
)


def _package(name: str, text: str, *words: str) -> Case:
    """A small computation with a package; skipped where it is not installed."""
    code = (
        f"try:\n    import {name}\nexcept ModuleNotFoundError:\n    print('skip')\n    raise SystemExit\n{source(text)}"
    )
    return Case(f"{name}-works", "packages", code, (Want(words=words),), may_skip=True, memory_mb=1024)


_PACKAGES = (
    _package(
        "numpy", "import numpy as np; print(np.linalg.eigvalsh(np.diag([1.0, 2.0])).round(6).tolist())", "[1.0, 2.0]"
    ),
    _package(
        "sympy",
        "from sympy import *; x = symbols('x'); print(solve(x**2 - 5*x + 6, x), integrate(x, x))",
        "[2, 3] x**2/2",
    ),
    _package(
        "scipy", "from scipy.optimize import brentq; print(round(brentq(lambda x: x * x - 2, 0, 2), 6))", "1.414214"
    ),
    _package("networkx", "import networkx as nx; print(nx.shortest_path(nx.path_graph(4), 0, 3))", "[0, 1, 2, 3]"),
    _package(
        "pandas",
        "import pandas as pd; print(pd.DataFrame({'a': [1, 2], 'b': [3, 4]}).sum().to_dict())",
        "{'a': 3, 'b': 7}",
    ),
    _package("mpmath", "import mpmath; mpmath.mp.dps = 20; print(mpmath.nstr(mpmath.pi, 15))", "3.14159265358979"),
)

CASES = (*_SOURCES, *_STDIN, *_LANGUAGE, *_PACKAGES)
