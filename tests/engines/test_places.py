"""Who sits where: prefixes found as by comparing one token after the other, places given away in their order."""

import random

import numpy as np

from r1ci.engines.places import STRIDE, Places, leading


def test_the_longest_common_beginning_is_found() -> None:
    rng = random.Random(0)
    base = [rng.randrange(5) for _ in range(4 * STRIDE)]
    places = Places(8, len(base) + 1)
    held = []
    for place in range(8):
        cut = rng.choice([0, 1, STRIDE - 1, STRIDE, STRIDE + 1, 3 * STRIDE])
        held.append([*base[:cut], *(rng.randrange(5, 9) for _ in range(rng.randrange(4)))])
        places.record(place, [held[-1]])
    for length in (1, 2, STRIDE, STRIDE + 1, 2 * STRIDE, 4 * STRIDE):
        ids = np.array(base[:length])
        expected = [min(leading(np.array(row, dtype=int), ids), length - 1) for row in held]
        found = places.match(ids)
        assert found.tokens == max(expected)
        assert expected[found.place] == max(expected)


def test_what_places_have_in_common_ends_with_the_shortest_or_where_they_differ() -> None:
    places = Places(4, 8)
    for place, held in enumerate(([1, 2, 3, 4], [1, 2, 3], [1, 2, 5, 4], [7])):
        places.record(place, [held])
    assert [places.alike(0, count) for count in (1, 2, 3, 4)] == [4, 3, 2, 0]
    assert places.alike(1, 2) == 2


def test_free_places_go_first_then_those_unused_for_longest() -> None:
    places = Places(4, 4)
    for place, episode in enumerate((10, 11, 12, 13)):
        places.seat(episode, place)
        places.touch(place)
    places.touch(1)
    assert places.victim(0, keep=()) == 0
    assert places.victim(1, keep=()) == 2
    assert places.victim(0, keep=(10, 12)) == 3
    places.leave(1)
    assert places.victim(0, keep=()) == 1
    places.seat(14, 2)
    assert places.of(12) is None
    assert places.of(14) == 2


def test_a_swap_takes_owners_tokens_and_use_along() -> None:
    places = Places(2, 4)
    places.seat(10, 0)
    places.record(0, [[1, 2, 3]])
    places.touch(0)
    places.swapped(0, 1)
    assert (places.of(10), places.match(np.array([1, 2, 3, 4]))) == (1, (1, 3))
    assert places.victim(0, keep=()) == 0
    places.copied(1, 0, 2)
    assert places.common(0, np.array([1, 2, 3])) == 2
