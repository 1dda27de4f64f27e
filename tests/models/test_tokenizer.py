"""The tokenizer of the tiny model: nothing is lost, and numbers are spelled digit by digit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.models.chat import SPECIAL_TOKENS, decode, encode
from r1ci.models.tokenizer import train_tokenizer

from_texts = st.text() | st.text(" \n\t`<>|_09azé\u4e2d\U0001f600", max_size=40)


@given(text=from_texts)
def test_every_text_round_trips(tokenizer: Any, text: str) -> None:
    assert decode(tokenizer, encode(tokenizer, text)) == text


@given(number=st.integers(0, 10**12))
def test_every_digit_is_a_token_of_its_own(tokenizer: Any, number: int) -> None:
    pieces = [decode(tokenizer, [token]) for token in encode(tokenizer, f"x{number} = {number}")]
    assert [piece for piece in pieces if any(letter.isdigit() for letter in piece)] == list(f"{number}{number}")


def test_words_of_the_training_text_are_few_tokens(tokenizer: Any) -> None:
    assert len(encode(tokenizer, "print")) == 1


@pytest.mark.parametrize("special", SPECIAL_TOKENS)
def test_special_tokens_are_one_id_wherever_they_stand(tokenizer: Any, special: str) -> None:
    (token,) = encode(tokenizer, special)
    assert encode(tokenizer, f"a{special}b").count(token) == 1
    assert tokenizer.convert_tokens_to_ids(special) == token


def test_the_vocabulary_is_bounded(tokenizer: Any) -> None:
    assert len(tokenizer) <= 320
    assert len(train_tokenizer(["a"], 259)) == 259


def test_equal_texts_give_equal_tokenizers(tokenizer: Any) -> None:
    texts = ["count 12 letters\nprint(3)", "other words"] * 2
    first, second = (train_tokenizer(iter(texts), 300).backend_tokenizer.to_str() for _ in range(2))
    assert first == second
