"""The linter: what is well-formed but will not do what its author wants.

Each rule has an id, a default severity and a section of that name in docs/spec.md. Rules look at the spec with
each variant applied; nothing is run, and no file but the spec is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from r1ci.spec.diagnostics import Diagnostic, ordered
from r1ci.spec.load import Case, Resolved
from r1ci.spec.rules import RULES, Rule
from r1ci.spec.vocabulary import Vocabulary

DOCS = "docs/spec.md"


def lint(resolved: Resolved, known: Vocabulary) -> list[Diagnostic]:
    """Everything the rules find, errors and warnings, in the order of the spec."""
    found = [*_run(RULES, resolved, known), *_unset(resolved), *_equal_variants(resolved)]
    return list(ordered(found))


def unknown_names(resolved: Resolved, known: Vocabulary) -> list[Diagnostic]:
    """Task ids, patterns and sources that match nothing."""
    return _run([rule for rule in RULES if rule.id in ("unknown-task", "unknown-source")], resolved, known)


def _run(rules: Sequence[Rule], resolved: Resolved, known: Vocabulary) -> list[Diagnostic]:
    """Run rules over every variant; what only some variants have says which."""
    variants: dict[Diagnostic, list[str]] = {}
    for name, case in resolved.cases.items():
        for rule in rules:
            for diagnostic in _diagnostics(rule, case, known):
                variants.setdefault(diagnostic, []).append(name)
    return [
        diagnostic if len(names) == len(resolved.cases) else _of_variants(diagnostic, names)
        for diagnostic, names in variants.items()
    ]


def _diagnostics(rule: Rule, case: Case, known: Vocabulary) -> list[Diagnostic]:
    return [
        Diagnostic(
            rule.id,
            finding.message,
            case.where(finding.key),
            finding.severity or rule.severity,
            finding.key,
            finding.found,
            finding.allowed,
            finding.help,
            f"{DOCS}#{rule.id}",
        )
        for finding in rule.check(case.experiment, known)
    ]


def _of_variants(diagnostic: Diagnostic, names: Sequence[str]) -> Diagnostic:
    which = f"variant{'s' * (len(names) > 1)} {', '.join(names)}"
    return replace(diagnostic, message=f"{diagnostic.message} ({which})")


def _unset(resolved: Resolved) -> list[Diagnostic]:
    """unset-environment: null stands where the environment should have given a value."""
    found: Mapping[tuple[str, str], Case] = {
        (key, name): case for case in resolved.cases.values() for key, name in case.unset.items()
    }
    return [
        Diagnostic(
            "unset-environment",
            f"the environment variable {name} is not set, so the value is null",
            case.where(key),
            "warning",
            key,
            help=f"set {name} where the experiment runs, or write a default: ${{oc.env:{name},VALUE}}",
            docs=f"{DOCS}#unset-environment",
        )
        for (key, name), case in found.items()
    ]


def _equal_variants(resolved: Resolved) -> list[Diagnostic]:
    """equal-variants: two variants that come to the same spec."""
    found = []
    first: dict[str, str] = {}
    for name, case in resolved.cases.items():
        content = case.experiment.model_dump_json(exclude={"variants"})
        if content in first:
            key = f"variants.{name}"
            message = f"variant '{name}' is the same spec as variant '{first[content]}'"
            where = Case(resolved.experiment, resolved.origins).where(key)
            help = "change a key whose value differs from the spec's, or leave the variant out"
            docs = f"{DOCS}#equal-variants"
            found.append(Diagnostic("equal-variants", message, where, "warning", key, help=help, docs=docs))
        first.setdefault(content, name)
    return found
