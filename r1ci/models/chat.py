"""Chat templates: from messages to token ids, and the ids that open a further user turn.

A conversation's prompt is tokenised once. Everything later is appended as ids: what the model sampled, verbatim, and
glue that is tokenised on its own. Nothing is ever decoded and encoded again.
"""

from __future__ import annotations

from typing import Any

from r1ci.errors import EnvironmentMissing

END_OF_TEXT = "<|endoftext|>"
START_OF_TURN = "<|im_start|>"
END_OF_TURN = "<|im_end|>"
SPECIAL_TOKENS = (END_OF_TEXT, START_OF_TURN, END_OF_TURN)

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML, the format of Qwen2.5 and SmolLM2, without a system turn of its own."""


def prompt_ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    """The ids of a conversation of one user turn, up to where the assistant begins."""
    if tokenizer.chat_template is None:
        raise EnvironmentMissing(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template",
            "use an instruction-tuned model, or add a chat_template to its tokenizer_config.json",
        )
    rendered = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], add_generation_prompt=True, tokenize=False
    )
    return encode(tokenizer, rendered)


def user_turn_ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    """The ids between the end-of-turn token of an assistant turn and the next assistant turn: a user turn.

    Rendered by the model's own template behind a made-up conversation and cut at the assistant's end-of-turn token
    (TRL ``_get_tool_suffix_ids``).
    """
    head = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    rendered = tokenizer.apply_chat_template(
        [*head, {"role": "user", "content": text}], add_generation_prompt=True, tokenize=False
    )
    before = tokenizer.apply_chat_template(head, tokenize=False)
    if not rendered.startswith(before):
        raise EnvironmentMissing(
            f"the chat template of {tokenizer.name_or_path!r} rewrites earlier turns when a later one is added",
            "multi-turn training needs a template that keeps the prefix; give the model another chat_template",
        )
    cut = before.rindex(tokenizer.eos_token) + len(tokenizer.eos_token)
    return encode(tokenizer, rendered[cut:])


def encode(tokenizer: Any, text: str) -> tuple[int, ...]:
    """Ids of a text on its own, special tokens written in it included, none added."""
    return tuple(tokenizer.encode(text, add_special_tokens=False))


def decode(tokenizer: Any, ids: Any) -> str:
    """Text of ids, special tokens shown."""
    return str(tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))
