"""The local executor against every case, at the strictest level that this machine gives."""

import asyncio
from collections.abc import Iterator

import pytest

from r1ci.executors.conformance.case import Case, Setting, Verdict
from r1ci.executors.conformance.ground import Ground
from r1ci.executors.conformance.soak import soak
from r1ci.executors.conformance.suite import CASES, Bench, run_suite, select
from r1ci.executors.conformance.table import failures
from r1ci.executors.conformance.target import Target, named, target
from r1ci.executors.protocol import Executor


def local(isolation: str | None = None) -> Target:
    spec = named("local")
    assert spec is not None
    return target("local", spec, isolation)


def made(setting: Setting) -> Executor:
    executor = local().make(setting)
    assert executor is not None
    return executor


class Benches:
    """One executor per setting, everything that they start on first use started."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.ground = Ground()
        self.executors = {setting: made(setting) for setting in Setting}
        self.of = {setting: Bench(self.executors[setting], self.ground, local=True) for setting in Setting}
        for setting in (*Setting, *Setting):  # twice: what is counted before one runs includes what the others started
            cases = [case for case in CASES if case.setting is setting]
            self.runner.run(self.of[setting].warm_up(cases))

    def close(self) -> None:
        for executor in self.executors.values():
            self.runner.run(executor.close())
        self.ground.close()
        self.runner.close()


@pytest.fixture(scope="module")
def benches() -> Iterator[Benches]:
    benches = Benches()
    yield benches
    benches.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}-{case.name}")
def test_the_local_executor_holds(case: Case, benches: Benches) -> None:
    result = benches.runner.run(benches.of[case.setting].run(case))
    if result.verdict is Verdict.SKIPPED:
        pytest.skip(result.problem or "cannot be tried here")
    assert result.verdict is Verdict.PASSED, f"{result.level or 'no level'}: {result.problem}"


@pytest.mark.parametrize("level", ["namespaces", "landlock", "rlimits"])
@pytest.mark.parametrize("group", ["files", "network", "kernel"])
def test_weaker_levels_give_what_they_promise(level: str, group: str) -> None:
    results = asyncio.run(run_suite(local(level).make, select(group), local=True))
    assert not failures(results)
    assert {result.level for result in results if result.level} <= {level, "rlimits"}


def test_a_soak_loses_and_mixes_up_nothing() -> None:
    check_soak(600)


@pytest.mark.soak
def test_a_long_soak_loses_and_mixes_up_nothing() -> None:
    check_soak(10_000)


def check_soak(runs: int) -> None:
    async def main() -> None:
        executor = made(Setting.PLAIN)
        try:
            soaked = await soak(executor, runs)
        finally:
            await executor.close()
        assert not soaked.wrong, soaked.examples
        assert sum(soaked.statuses.values()) == runs
        assert soaked.descriptors[1] <= soaked.descriptors[0]
        assert soaked.memory_mb[1] < soaked.memory_mb[0] + 64

    asyncio.run(main())
