"""Tiers: sets of modules that a zygote has imported, so that its programs need not.

A program runs in the lightest tier that covers the modules it imports, found by looking at its import statements. A
wrong pick is only slower, never wrong: what is not there yet is imported by the program itself. So a tier whose zygote
does not come up is replaced by the lightest one.
"""

from __future__ import annotations

import importlib
import re
import site
import sys
from collections.abc import Sequence
from importlib.util import find_spec

STD = (
    "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "heapq",
    "io", "itertools", "json", "linecache", "math", "operator", "random", "re", "statistics", "string", "textwrap",
    "threading", "time", "traceback", "types", "typing",
)  # fmt: skip
"""Modules of the standard library that every zygote holds. Each one makes every fork a little slower."""
_NUMPY = ("numpy", "numpy.random", "numpy.linalg", "numpy.fft")
_SYMPY = (*_NUMPY, "sympy")
_SCIENCE = (*_SYMPY, "scipy.optimize", "scipy.linalg", "scipy.stats", "scipy.special", "networkx")
TIERS: dict[str, tuple[str, ...]] = {
    "std": (),
    "numpy": _NUMPY,
    "sympy": _SYMPY,
    "science": _SCIENCE,
    "data": (*_SCIENCE, "pandas"),
}
"""Modules by tier, the lightest first."""
_TIER_OF = {"numpy": "numpy", "sympy": "sympy", "mpmath": "sympy", "scipy": "science", "networkx": "science"}
_TIER_OF |= {"pandas": "data"}
PACKAGES = ("numpy", "sympy", "scipy", "networkx", "pandas")
"""Packages that programs are told of when they ask for one that is absent."""
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([\w., \t]+)", re.MULTILINE)
_WARM_UP = """
x, y = symbols("x y")
solve(x**2 - 3*x + 2, x); solve(x**3 - 2*x + 1, x); solve([x + y - 3, x - y - 1], [x, y])
expand((x + y)**3); factor(x**4 - 1); simplify((x**2 - 1)/(x - 1)); simplify(sin(x)**2 + cos(x)**2)
diff(sin(x)*exp(x), x); integrate(x*exp(x), x); integrate(1/(1 + x**2), (x, 0, 1)); limit(sin(x)/x, x, 0)
series(exp(x), x, 0, 4); Matrix([[2, 1], [1, 3]]).eigenvals(); Matrix([[2, 1], [1, 3]]).inv()
summation(x, (x, 1, y)); Rational(1, 3) + sqrt(2); N(pi, 20); factorint(360); isprime(97)
str(sqrt(x)/2); nsimplify(0.5); Eq(x, y).subs(x, 2); latex(x**2)
"""


LIGHTEST = "std"


def tier_of(code: str) -> str:
    """The lightest tier that covers the imports of a program."""
    names = {part.split(".")[0].strip() for found in _IMPORT.findall(code) for part in re.split(r"[,\s]+", found)}
    wanted = {_TIER_OF[name] for name in names if name in _TIER_OF}
    return max(wanted, key=list(TIERS).index, default=LIGHTEST)


def installed() -> list[str]:
    """Which of the packages programs ask for most are there."""
    return [name for name in PACKAGES if find_spec(name) is not None]


def modules(tier: str) -> list[str]:
    """The modules of a tier that are installed."""
    return [*STD, *(name for name in TIERS[tier] if find_spec(name.partition(".")[0]) is not None)]


def load(names: Sequence[str], *, keep_caches: bool) -> None:
    """Import modules, and use sympy once so that its lazy parts are in. Raises ImportError."""
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # pandas does without; it starts a thread, which no fork has
    for name in names:
        importlib.import_module(name)
    del sys.modules["pyarrow"]
    site.setquit()  # what the site module does for interactive use, and programs know as exit()
    if "sympy" in names:
        _warm_sympy(keep_caches=keep_caches)


def _warm_sympy(*, keep_caches: bool) -> None:
    space: dict[str, object] = {}
    exec("from sympy import *", space)
    exec(_WARM_UP, space)
    if not keep_caches:
        from sympy.core.cache import clear_cache  # type: ignore[import-untyped]

        clear_cache()
