"""Chat templates: prompts, further user turns, and templates that cannot be used."""

import copy
from typing import Any

import pytest

from r1ci.errors import EnvironmentMissing
from r1ci.models.chat import decode, encode, prompt_ids, user_turn_ids

FORGETFUL = (
    "{% for message in messages %}{% if loop.last or message.role == 'user' %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endif %}{% endfor %}"
)
"""Leaves out earlier assistant turns, as templates do that drop earlier reasoning."""


def with_template(tokenizer: Any, template: str | None) -> Any:
    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    return other


def test_a_prompt_ends_where_the_assistant_begins(tokenizer: Any) -> None:
    ids = prompt_ids(tokenizer, "How many?")
    assert decode(tokenizer, ids) == "<|im_start|>user\nHow many?<|im_end|>\n<|im_start|>assistant\n"
    assert ids == encode(tokenizer, decode(tokenizer, ids))


def test_a_user_turn_follows_the_end_of_the_assistants(tokenizer: Any) -> None:
    ids = user_turn_ids(tokenizer, "Again.")
    assert decode(tokenizer, ids) == "\n<|im_start|>user\nAgain.<|im_end|>\n<|im_start|>assistant\n"


def test_prompt_reply_and_user_turn_add_up_to_the_whole_conversation(tokenizer: Any) -> None:
    reply = (*encode(tokenizer, "Seven."), tokenizer.eos_token_id)
    messages = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "Seven."}]
    messages.append({"role": "user", "content": "Again."})
    whole = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    parts = (*prompt_ids(tokenizer, "How many?"), *reply, *user_turn_ids(tokenizer, "Again."))
    assert decode(tokenizer, parts) == whole


def test_a_template_that_rewrites_earlier_turns_is_refused(tokenizer: Any) -> None:
    with pytest.raises(EnvironmentMissing, match="rewrites earlier turns") as refused:
        user_turn_ids(with_template(tokenizer, FORGETFUL), "Again.")
    assert "chat_template" in refused.value.help


def test_a_tokenizer_without_a_template_is_refused(tokenizer: Any) -> None:
    with pytest.raises(EnvironmentMissing, match="has no chat template"):
        prompt_ids(with_template(tokenizer, None), "How many?")
