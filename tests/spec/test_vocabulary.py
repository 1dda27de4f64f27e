"""Which tasks a spec chooses."""

from hypothesis import given
from hypothesis import strategies as st

from r1ci.spec.models import Tasks
from r1ci.spec.vocabulary import Vocabulary

KNOWN = Vocabulary(
    {"symbench/a": "train", "symbench/b": "test", "bbh/a": "train", "bbh/c": "test", "rg/d": "train", "rg/e": "test"}
)


def chosen(**tasks: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    spec = Tasks.model_validate(tasks)
    return KNOWN.train(spec), KNOWN.test(spec)


def test_the_registrys_split_is_the_default() -> None:
    assert chosen() == (("symbench/a", "bbh/a", "rg/d"), ("symbench/b", "bbh/c", "rg/e"))


def test_sources_and_patterns_narrow_the_choice() -> None:
    train, test = chosen(train={"sources": ["rg", "bbh"], "exclude": ["*/a"]}, test={"include": ["bbh/*"]})
    assert (train, test) == (("rg/d",), ("bbh/c",))


def test_a_suite_that_is_left_out_is_tested_whole_and_nothing_of_it_is_trained_on() -> None:
    train, test = chosen(leave_out="bbh")
    assert train == ("symbench/a", "symbench/b", "rg/d", "rg/e")
    assert test == ("bbh/a", "bbh/c")
    assert chosen(leave_out="bbh", test={"exclude": ["bbh/a"]})[1] == ("bbh/c",)


@given(st.sampled_from(["symbench", "bbh", "rg"]), st.sampled_from(["train", "test", "any"]))
def test_leaving_out_never_lets_the_two_overlap(source: str, split: str) -> None:
    train, test = chosen(leave_out=source, train={"split": split}, test={"split": split})
    assert not set(train) & set(test)
    assert {*train, *test} == set(KNOWN.tasks)
