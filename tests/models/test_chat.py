"""Chat templates: prompts, further user turns, and templates that cannot be used."""

import copy
from typing import Any

import pytest

from r1ci.errors import EnvironmentMissing
from r1ci.models.chat import TEMPLATE, decode, encode, prompt_ids, prove_prefix, user_turn_ids

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


THOUGHTLESS = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.role == 'assistant' and not loop.last and '</think>' in message.content %}"
    "{{ message.content.split('</think>')[-1].lstrip('\n') }}{% else %}{{ message.content }}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Strips the reasoning of earlier turns, as Qwen3's own template does."""
OTHER_TEMPLATES = {
    "a system turn of its own": "<|im_start|>system\nHelp.<|im_end|>\n" + TEMPLATE,
    "nothing behind an assistant turn": TEMPLATE.replace("<|im_end|>\n{% endfor %}", "<|im_end|>{% endfor %}"),
}
BREAKING = {
    "forgets turns": (FORGETFUL, r"with turn 2 added, token \d+ is "),
    "strips reasoning": (THOUGHTLESS, r"with turn 3 added, token \d+ is '\S+' instead of '<', after '.*assistant\\n'"),
    "counts turns": (
        TEMPLATE.replace("{% for", "{{ messages | length }}{% for"),
        r"with turn 2 added, token 0 is '2' instead of '1', after ''",
    ),
    "opens replies with a tag": (
        TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}"),
        r"with turn 2 added, token \d+ ",
    ),
    "ends turns with another token": (
        TEMPLATE.replace("<|im_end|>", "<|endoftext|>"),
        "ends an assistant turn without",
    ),
}


def test_our_own_template_keeps_what_came_before(tokenizer: Any) -> None:
    prove_prefix(tokenizer)


@pytest.mark.parametrize("template", OTHER_TEMPLATES.values(), ids=OTHER_TEMPLATES)
def test_templates_that_only_add_are_accepted(tokenizer: Any, template: str) -> None:
    prove_prefix(with_template(tokenizer, template))


@pytest.mark.parametrize(("template", "message"), BREAKING.values(), ids=BREAKING)
def test_templates_that_change_what_came_before_are_refused_by_name_and_place(
    tokenizer: Any, template: str, message: str
) -> None:
    broken = with_template(tokenizer, template)
    broken.name_or_path = "some/model"
    with pytest.raises(EnvironmentMissing, match=message) as refused:
        prove_prefix(broken)
    assert "the chat template of 'some/model'" in refused.value.message
    assert "tokenizer_config.json" in refused.value.help or "chat_template" in refused.value.help


def test_a_template_that_ends_turns_with_another_token_has_no_user_turn(tokenizer: Any) -> None:
    broken = with_template(tokenizer, TEMPLATE.replace("<|im_end|>", "<|endoftext|>"))
    with pytest.raises(EnvironmentMissing, match=r"ends an assistant turn without '<\|im_end\|>'"):
        user_turn_ids(broken, "Again.")
