"""What a turn says, for every odd case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.agents.parser import final_answer, parse
from r1ci.agents.trajectory import Violation as V

CASES = {
    "block": ("so:\n```python\nprint(1)\n```\n", "print(1)", None, ()),
    "answer": ("it is <<<42>>>", None, "42", ()),
    "several lines": ("<<<1 2\n3 4>>>", None, "1 2\n3 4", ()),
    "two blocks": ("```python\na\n```\nand\n```python\nb\n```\n", "a", None, (V.SEVERAL_BLOCKS,)),
    "block then answer": ("```python\na\n```\n<<<5>>>", None, "5", (V.BLOCK_AND_ANSWER,)),
    "answer then block": ("<<<5>>>\n```python\na\n```\n", "a", None, ()),
    "two blocks and answer": (
        "```python\na\n```\n```python\nb\n```\n<<<5>>>",
        None,
        "5",
        (V.SEVERAL_BLOCKS, V.BLOCK_AND_ANSWER),
    ),
    "unterminated": ("```python\nprint(1)", None, None, (V.UNTERMINATED_BLOCK, V.VOID_TURN)),
    "answer inside an unterminated block": (
        "```python\nprint('<<<1>>>')",
        None,
        None,
        (V.UNTERMINATED_BLOCK, V.VOID_TURN),
    ),
    "answer printed inside code": ("```python\nprint('<<<1>>>')\n```\n", "print('<<<1>>>')", None, ()),
    "answer before an unterminated block": ("<<<1>>> ```python\nx", None, "1", (V.UNTERMINATED_BLOCK,)),
    "> ends the answer": ("<<<] ]>>>>", None, "] ]>", ()),
    "> inside the answer": ("<<<a > b >> c>>>", None, "a > b >> c", ()),
    "last of two answers": ("<<<1>>> no, <<<2>>>", None, "2", ()),
    "opening without closing after an answer": ("<<<1>>> and <<<2", None, "1", ()),
    "four opening": ("<<<<5>>>", None, "5", ()),
    "empty answer": ("<<<>>>", None, "", ()),
    "void": ("I do not know.", None, None, (V.VOID_TURN,)),
    "nothing": ("", None, None, (V.VOID_TURN,)),
    "empty block": ("```python\n```\n", "", None, ()),
    "no newline after the closing fence": ("```python\nprint(1)\n```", "print(1)", None, ()),
    "block of another language": ("```json\n{}\n```\n", None, None, (V.VOID_TURN,)),
    "fence inside a line does not close": ("```python\nx = '```'\nprint(x)\n```\n", "x = '```'\nprint(x)", None, ()),
    "carriage returns": ("```python\r\nprint(1)\r\n```\r\n", "print(1)\r", None, ()),
}


@pytest.mark.parametrize("name", CASES)
def test_turns_are_understood(name: str) -> None:
    text, code, answer, violations = CASES[name]
    parsed = parse(text)
    assert (parsed.code, parsed.answer, parsed.violations) == (code, answer, violations)


def test_the_end_of_the_first_block_is_where_the_rest_is_cut() -> None:
    text = "```python\na\n```\nand\n```python\nb\n```\n"
    assert text[: parse(text).code_end] == "```python\na\n```"


@given(st.text(alphabet="<>`python\n ab'", max_size=60))
def test_any_text_is_understood_without_an_error(text: str) -> None:
    parsed = parse(text)
    assert parsed.code is None or parsed.answer is None
    assert 0 <= parsed.code_end <= len(text)


@given(st.text(alphabet="ab >\n[]", max_size=20))
def test_an_answer_comes_back_as_it_was_written(answer: str) -> None:
    if ">>>" not in answer:
        assert final_answer(f"so <<<{answer}>>>") == answer.strip()
