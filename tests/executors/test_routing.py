"""Routing over nodes: never more than there is room for, evenly, and around nodes that fail."""

import random

from hypothesis import given
from hypothesis import strategies as st

from r1ci.executors.ray.cluster import Machine, places
from r1ci.executors.ray.routing import QuarantinePolicy, Router, State


class Clock:
    """Time that moves when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def router(slots: dict[str, int], clock: Clock | None = None, seed: int = 0) -> Router:
    made = Router(
        QuarantinePolicy(errors=3, window_s=10, first_probe_s=1, longest_probe_s=8),
        clock or Clock(),
        random.Random(seed),
    )
    for name, count in slots.items():
        made.add(name, count)
        made.admit(name)
    return made


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 100), st.integers(0, 99))
def test_a_node_never_gets_more_than_its_slots_and_none_stays_free_while_programs_wait(
    slots: list[int], programs: int, seed: int
) -> None:
    nodes = {f"n{n}": count for n, count in enumerate(slots)}
    routed = router(nodes, seed=seed)
    sent = dict.fromkeys(nodes, 0)
    for _ in range(programs):
        name = routed.choose()
        if name is None:
            break
        routed.take(name)
        sent[name] += 1
    assert all(sent[name] <= nodes[name] for name in nodes)
    assert sum(sent.values()) == routed.outstanding() == min(programs, sum(slots))


@given(st.integers(0, 999))
def test_two_choices_keep_the_load_nearly_even(seed: int) -> None:
    routed = router({f"n{n}": 1000 for n in range(8)}, seed=seed)
    sent = dict.fromkeys(routed.states(), 0)
    for _ in range(800):
        name = routed.choose()
        assert name is not None
        routed.take(name)
        sent[name] += 1
    assert max(sent.values()) - min(sent.values()) <= 12


def test_a_node_that_starts_gets_nothing() -> None:
    routed = router({})
    routed.add("a", 2)
    assert routed.choose() is None
    assert routed.probe_wait_s("a") == 0
    routed.admit("a")
    assert routed.choose() == "a"


def test_another_node_is_waited_for_while_one_is_up_and_the_same_is_taken_when_none_is() -> None:
    routed = router({"a": 2, "b": 1})
    assert routed.choose(["a"]) == "b"
    routed.take("b")
    assert routed.choose(["a"]) is None
    routed.quarantine("b")
    assert routed.choose(["a"]) == "a"


def test_errors_within_the_window_make_a_node_bad_and_spread_out_ones_do_not() -> None:
    clock = Clock()
    routed = router({"a": 2, "b": 2}, clock)
    for clock.now in (0.0, 6.0, 12.0, 18.0):
        assert not routed.failed("a")
    clock.now = 19.0
    assert routed.failed("a")
    routed.quarantine("a")
    assert not routed.failed("a")
    assert routed.states() == {"a": State.QUARANTINED, "b": State.UP}
    assert {routed.choose() for _ in range(20)} == {"b"}
    assert routed.has_room("a")  # for the sessions that live there


def test_probes_wait_twice_as_long_each_time_and_success_forgets_the_errors() -> None:
    routed = router({"a": 2})
    routed.quarantine("a")
    waits = []
    for _ in range(5):
        waits.append(routed.probe_wait_s("a"))
        routed.probe_failed("a")
    assert waits == [1, 2, 4, 8, 8]
    routed.admit("a")
    assert routed.up() == 1
    assert not routed.failed("a")
    routed.quarantine("a")
    assert routed.probe_wait_s("a") == 1


def test_a_node_that_left_is_no_error() -> None:
    routed = router({"a": 2})
    routed.take("a")
    routed.remove("a")
    routed.release("a")
    routed.quarantine("a")
    routed.probe_failed("a")
    assert not routed.failed("a")
    assert not routed.has_room("a")
    assert routed.choose() is None


def machine(name: str, cpus: float, free: float | None = None, gpus: float = 0, *resources: str) -> Machine:
    return Machine(name, "host", cpus, cpus if free is None else free, gpus, frozenset(resources))


def test_nodes_without_gpus_are_preferred_and_what_is_free_there_is_reserved() -> None:
    found = places([machine("gpu", 16, gpus=8), machine("cpu", 8, free=5.5), machine("none", 0)], None, None)
    assert [(place.node, place.cores, place.reserve) for place in found] == [("cpu", 8, 5)]


def test_nothing_is_reserved_where_training_may_want_the_cores() -> None:
    for machines in ([machine("a", 16, gpus=8)], [machine("a", 2), machine("b", 2, free=0)]):
        assert {place.reserve for place in places(machines, None, None)} == {0}


def test_the_spec_chooses_nodes_and_cores() -> None:
    machines = [machine("a", 8, None, 0, "sandbox"), machine("b", 8), machine("c", 2, None, 0, "sandbox")]
    found = places(machines, 4, "sandbox")
    assert [(place.node, place.cores, place.reserve, place.strict, place.slots) for place in found] == [
        ("a", 4, 4, True, 8)
    ]
    assert places(machines, 16, None) == []
