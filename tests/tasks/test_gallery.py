"""The page that shows every task."""

from r1ci.tasks import gallery
from r1ci.tasks.table import TABLE


def test_the_page_is_up_to_date() -> None:
    assert gallery.PAGE.read_text() == gallery.page(gallery.read_speeds()), "run python -m r1ci.tasks.gallery"


def test_every_task_has_a_section_and_a_speed() -> None:
    page = gallery.PAGE.read_text()
    assert [line[4:] for line in page.splitlines() if line.startswith("### ")] == [info.id for info in TABLE]
    assert set(gallery.read_speeds()) == {info.id for info in TABLE}


def test_the_144_are_split_as_registered() -> None:
    counts = {
        (suite, split): sum((info.suite, info.split) == (suite, split) for info in TABLE)
        for suite in ("symbench", "bbh", "rg")
        for split in ("train", "test")
    }
    assert counts == {
        ("symbench", "train"): 24,
        ("symbench", "test"): 9,
        ("bbh", "train"): 20,
        ("bbh", "test"): 7,
        ("rg", "train"): 63,
        ("rg", "test"): 21,
    }
    assert sum(info.has_program for info in TABLE) >= 100


def test_siblings_stay_on_one_side() -> None:
    sides: dict[str, set[str]] = {}
    families = {
        "tracking": "tracking_shuffled_objects", "deduction": "logical_deduction", "sudoku": "sudoku",
        "queens": "queens", "letters": "letter_counting|symbench/letters", "products": "products|number_multiply",
    }  # fmt: skip
    for info in TABLE:
        for family, words in families.items():
            if any(word in info.id for word in words.split("|")):
                sides.setdefault(family, set()).add(info.split)
    assert set(sides) == set(families)
    assert all(len(found) == 1 for found in sides.values()), sides
