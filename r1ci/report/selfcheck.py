"""Whether a program checks its own result: rules on its syntax tree, never running it.

A program checks itself if, beyond computing an answer, it holds a result against something: an assertion, a second way
of computing it, or what the question asks. A test that *finds* the answer (a filter, a search, a case of the question)
is no check, and neither is a guard of the input.

The rules turn on which names are *computed*: bound to an expression over other names of the program, changed in place,
or run over something computed. What is written down as literals, copied, or a function's parameter is *given*.

assertion   ``assert`` over something computed, unless all it asks is a type
verifier    a function of the program called verify, check or test, called outside loops; is_valid and the like too,
            where the argument is computed
comparison  an equality of two sides printed beside an answer: over a printed name or something made from one, and not
            where both sides are printed, which is a question about two values; with a constant only for each of several
            computed results
report      a printed text that ends on a word for a check (verification, valid, residual, by brute force, ...) and a
            value with it, where another value is printed too
failure     a branch on two computed or compared sides that raises, or prints that something is wrong

Where a program finds what it was asked for with the same words (is the plan valid?), no rule can tell the two apart.
"""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Iterator
from typing import TypeGuard

RULES = ("assertion", "verifier", "comparison", "report", "failure")
PRECISION, RECALL = 0.91, 0.5
"""Measured on 60 programs labelled by hand, apart from the 100 that the rules were made with (tests/report)."""
MAX_CHARACTERS = 20_000
"""Longer programs are not looked at."""
_VERIFY = re.compile(r"verif|check|(^|_)tests?(_|$)")
_VALID = re.compile(r"valid|correct")
_SPEAKS = re.compile(
    r"\b(verif\w*|(double|cross|sanity)?[ -]?check(s|ed|ing)?|valid|correct|match(es)?|residuals?|brute[ -]?force|"
    r"(re|by )count\w*|recomput\w*|simulat(ed|ion)|manual(ly)?|conflicts?|violations?|round[ -]?trip|back)\W*$",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"error|wrong|mismatch|fail|invalid|incorrect|cannot|disagree|differ|"
    r"(is|are|does|do|did)(n't| not)|\bnot (match|equal|a)\b",
    re.IGNORECASE,
)
_ENDS = ("SystemExit", "StopIteration", "KeyboardInterrupt")
_LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MUTATORS = ("append", "add", "update", "extend", "insert", "appendleft")


def checks_itself(code: str) -> bool:
    """Whether any rule holds."""
    return bool(evidence(code))


@functools.lru_cache(maxsize=8192)
def evidence(code: str) -> tuple[str, ...]:
    """The rules that hold, in the order of ``RULES``; none for text that is no Python program."""
    if len(code) > MAX_CHARACTERS:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return _Program(ast.parse(code)).evidence()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


class _Program:
    """A parsed program with what its names are."""

    def __init__(self, tree: ast.Module) -> None:
        self.nodes = tuple(ast.walk(tree))
        self.functions = {node.name for node in self.nodes if isinstance(node, ast.FunctionDef)}
        self.bindings = tuple(_bindings(self.nodes))
        self.bound = {name for name, _, _ in self.bindings}
        self.computed = self._computed()
        self.in_loops = {id(inner) for loop in self.nodes if isinstance(loop, _LOOPS) for inner in ast.walk(loop)}
        self.prints = tuple(node for node in self.nodes if _called(node) == "print")
        self.values = tuple((call, a) for call in self.prints for a in _arguments(call) if _names(a))

    def evidence(self) -> tuple[str, ...]:
        """The rules that hold."""
        rules = (self._assertion, self._verifier, self._comparison, self._report, self._failure)
        return tuple(name for name, rule in zip(RULES, rules, strict=True) if rule())

    def _computed(self) -> set[str]:
        """Names bound to something computed, until no more are found."""
        found = {name for name, value, changed in self.bindings if changed}
        while True:
            more = {name for name, value, _ in self.bindings if value is not None and self._derives(value, found)}
            if more <= found:
                return found
            found |= more

    def _derives(self, value: tuple[ast.expr, bool], computed: set[str]) -> bool:
        """Whether a value is made from other names: an iterable passes on only what is computed already."""
        expression, iterated = value
        names = _names(expression)
        if names & computed or self._calls_own(expression):
            return True
        return not iterated and not isinstance(expression, ast.Name) and bool(names & self.bound)

    def _calls_own(self, expression: ast.AST) -> bool:
        return any(_called(node) in self.functions for node in ast.walk(expression))

    def _is_computed(self, expression: ast.AST) -> bool:
        return bool(_names(expression) & self.computed) or self._calls_own(expression)

    def _assertion(self) -> bool:
        tests = [node.test for node in self.nodes if isinstance(node, ast.Assert)]
        return any(self._is_computed(test) and _called(test) != "isinstance" for test in tests)

    def _verifier(self) -> bool:
        for node in self.nodes:
            name = _called(node)
            if not isinstance(node, ast.Call) or name not in self.functions or id(node) in self.in_loops:
                continue
            if _VERIFY.search(name) or (_VALID.search(name) and any(map(self._is_computed, node.args))):
                return True
        return False

    def _comparison(self) -> bool:
        for call in self.prints:
            elsewhere = {name for other in self.values if other[0] is not call for name in _names(other[1])}
            beside = {argument.id for argument in _arguments(call) if isinstance(argument, ast.Name)}
            for node in filter(_is_equality, ast.walk(call)):
                if not _selects(call, node) and self._holds_against(node, elsewhere | beside):
                    return True
        return False

    def _holds_against(self, comparison: ast.Compare, printed: set[str]) -> bool:
        left, right = _names(comparison.left), _names(comparison.comparators[0])
        if not left or not right:
            return id(comparison) in self.in_loops and bool(printed & self._sources(left | right) & self.computed)
        both = left & printed and right & printed
        return left != right and not both and bool(self._sources(left | right) & printed)

    def _sources(self, names: set[str]) -> set[str]:
        """Names and what they were made from."""
        found = set(names)
        while True:
            more = {
                n for name, value, _ in self.bindings if name in found and value is not None for n in _names(value[0])
            }
            if more <= found:
                return found
            found |= more

    def _report(self) -> bool:
        if len(self.values) < 2:
            return False
        for call in self.prints:
            texts = [text for argument in _arguments(call) for text in _texts(argument)]
            if any(map(_SPEAKS.search, texts)) and any(map(self._is_computed, _arguments(call))):
                return True
        return False

    def _failure(self) -> bool:
        for node in self.nodes:
            if isinstance(node, ast.If | ast.IfExp) and self._two_sided(node.test):
                branches = [node.body, node.orelse]
                if any(_fails(inner) for branch in branches for inner in _walk(branch)):
                    return True
        return False

    def _two_sided(self, test: ast.expr) -> bool:
        """Whether a test compares something computed with something else that has a name."""
        compared = [node for node in ast.walk(test) if isinstance(node, ast.Compare) and self._is_computed(node)]
        return any(_names(node.left) and _names(node.comparators[0]) for node in compared)


def _bindings(nodes: tuple[ast.AST, ...]) -> Iterator[tuple[str, tuple[ast.expr, bool] | None, bool]]:
    """A bound name, what it is bound to and whether it runs over that, and whether it is changed in place."""
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _assigned(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            yield from _assigned(node.target, node.value)
        elif isinstance(node, ast.AugAssign):
            yield from ((name, None, True) for name in _stored(node.target))
        elif isinstance(node, ast.For | ast.comprehension):
            yield from ((name, (node.iter, True), False) for name in _stored(node.target))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATORS:
            yield from ((name, None, True) for name in _names(node.func.value))
        elif isinstance(node, ast.arg):
            yield node.arg, None, False


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, tuple[ast.expr, bool] | None, bool]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for inner, part in zip(target.elts, value.elts, strict=True):
            yield from _assigned(inner, part)
        return
    changed = isinstance(target, ast.Subscript)
    yield from ((name, (value, False), changed) for name in _stored(target))


def _stored(target: ast.AST) -> set[str]:
    """Names that a target binds; the container of an item that is set."""
    if isinstance(target, ast.Subscript):
        return _names(target.value)
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def _names(expression: ast.AST) -> set[str]:
    """Names read, without the names of functions called."""
    functions = {id(node.func) for node in ast.walk(expression) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name) and id(node) not in functions}


def _called(node: ast.AST) -> str:
    """Name of the function that a call calls; empty for anything else."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _arguments(call: ast.AST) -> list[ast.expr]:
    return call.args if isinstance(call, ast.Call) else []


def _texts(expression: ast.expr) -> list[str]:
    """Text of a literal or of the fixed parts of an f-string."""
    parts = expression.values if isinstance(expression, ast.JoinedStr) else [expression]
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def _is_equality(node: ast.AST) -> TypeGuard[ast.Compare]:
    return isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq)


def _selects(call: ast.AST, comparison: ast.Compare) -> bool:
    """Whether a comparison inside a print only filters or chooses what is printed."""
    scopes: list[ast.AST] = [node.test for node in ast.walk(call) if isinstance(node, ast.IfExp)]
    scopes += [node for node in ast.walk(call) if isinstance(node, ast.comprehension | ast.GeneratorExp | ast.Lambda)]
    return any(inner is comparison for scope in scopes for inner in ast.walk(scope))


def _walk(branch: list[ast.stmt] | ast.expr) -> Iterator[ast.AST]:
    for root in branch if isinstance(branch, list) else [branch]:
        yield from ast.walk(root)


def _fails(node: ast.AST) -> bool:
    """Whether a statement raises an error or prints, or an expression is, a text that says something is wrong."""
    if isinstance(node, ast.Raise):
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return not (isinstance(raised, ast.Name) and raised.id in _ENDS)
    if _called(node) == "print":
        return any(_WRONG.search(text) for argument in _arguments(node) for text in _texts(argument))
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in ("error", "wrong")
