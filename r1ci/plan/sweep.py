"""The plans of a sweep's trials: what they share, what the store already has, what is left and what that costs.

A trial is a cell of the plan like any other, one for each seed: whatever its values do not touch has the same step id
in every trial, and is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from r1ci.plan.compile import compile_plan
from r1ci.plan.render import Totals, totals
from r1ci.plan.steps import Plan, Step
from r1ci.spec.diagnostics import Diagnostic, SpecError
from r1ci.spec.sweep.check import checked_trials
from r1ci.spec.sweep.models import Budget
from r1ci.spec.sweep.resolved import ResolvedSweep, resolve
from r1ci.spec.sweep.trials import Trial
from r1ci.spec.vocabulary import Vocabulary


def trial_plan(resolved: ResolvedSweep, trial: Trial, known: Vocabulary) -> Plan:
    """The plan of one trial: a cell for each seed.

    Raises:
        UsageError: it trains on no task.
        SpecError: a step needs more memory than a GPU has.
    """
    return compile_plan(resolve(resolved, trial), known)


@dataclass(frozen=True)
class SweepPlan:
    """Trials with their plans. Where results choose the values, the trials are draws that stand in for them."""

    trials: tuple[Trial, ...]
    plans: tuple[Plan, ...]
    """One for each trial."""
    done: frozenset[str]
    """Those of the steps that the store already has."""

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """All steps by id, every one once and after those it reads."""
        return {step_id: step for plan in self.plans for step_id, step in plan.steps.items()}

    @cached_property
    def users(self) -> Mapping[str, tuple[int, ...]]:
        """The numbers of the trials that need a step; of trials that need the very same steps, the first."""
        users: dict[str, list[int]] = {step_id: [] for step_id in self.steps}
        for trial, plan in zip(self.trials, self.plans, strict=True):
            for step_id in () if trial.number in self.twins else plan.steps:
                users[step_id].append(trial.number)
        return {step_id: tuple(numbers) for step_id, numbers in users.items()}

    @cached_property
    def twins(self) -> Mapping[int, int]:
        """Trials that need the very steps of an earlier one, with the number of that one: their values make no
        difference."""
        first: dict[frozenset[str], int] = {}
        numbers = [
            (trial.number, first.setdefault(frozenset(plan.steps), trial.number))
            for trial, plan in zip(self.trials, self.plans, strict=True)
        ]
        return {number: same for number, same in numbers if number != same}

    def own(self, plan: Plan) -> list[Step]:
        """The steps that one trial, and trials equal to it, alone need."""
        return [step for step_id, step in plan.steps.items() if len(self.users[step_id]) == 1]

    def finished(self, plan: Plan) -> bool:
        """Whether the store has every step of a trial, so that it need not run."""
        return self.done.issuperset(plan.steps)

    @property
    def apart(self) -> Totals:
        """What the trials would cost if none shared anything."""
        return totals(step for plan in self.plans for step in plan.steps.values())

    @property
    def together(self) -> Totals:
        """What they cost with every step computed once."""
        return totals(self.steps.values())

    @property
    def left(self) -> Totals:
        """What of that the store does not have."""
        return totals(step for step_id, step in self.steps.items() if step_id not in self.done)


def plan_sweep(resolved: ResolvedSweep, known: Vocabulary, stored: Callable[[str], bool]) -> SweepPlan:
    """The trials that a sweep is known, or by its estimates expected, to run. ``stored`` says whether the
    store has a finished step of an id.

    Raises:
        SpecError: with every reason why some trial has no plan.
    """
    trials: list[Trial] = []
    plans: list[Plan] = []
    problems: list[Diagnostic] = []
    spent: dict[str, Step] = {}
    done: set[str] = set()
    for trial in checked_trials(resolved.sweep):
        if trials and _used_up(resolved.sweep.budget, spent.values()):
            break
        try:
            plan = trial_plan(resolved, trial, known)
        except SpecError as error:
            problems += error.diagnostics
            continue
        trials.append(trial)
        plans.append(plan)
        done |= {step_id for step_id in plan.steps if step_id not in spent and stored(step_id)}
        spent |= {step_id: step for step_id, step in plan.steps.items() if step_id not in done}
    if problems:
        raise SpecError(problems)
    return SweepPlan(tuple(trials), tuple(plans), frozenset(done))


def _used_up(budget: Budget | None, steps: Collection[Step]) -> bool:
    """Whether the steps, run one after another, are expected to use a budget up."""
    if budget is None:
        return False
    cost = totals(steps)
    tokens = sum(step.estimate.tokens for step in steps if step.kind == "rl")
    limits = ((budget.time_s, cost.seconds), (budget.tokens, tokens), (budget.gpu_hours, cost.gpu_hours))
    return any(limit is not None and used >= limit for limit, used in limits)


def shared_kinds(plan: SweepPlan) -> Sequence[tuple[str, list[Step]]]:
    """The steps by how many different trials need them: all, several, one."""
    groups: dict[str, list[Step]] = {}
    different = len(plan.trials) - len(plan.twins)
    everyone = f"all {different} {'different ' if plan.twins else ''}trials"
    for step_id, step in plan.steps.items():
        users = len(plan.users[step_id])
        name = "one trial" if users == 1 else everyone if users == different else "several trials"
        groups.setdefault(name, []).append(step)
    order = (everyone, "several trials", "one trial")
    return [(name, groups[name]) for name in order if name in groups]
