"""Chat templates: from messages to token ids, and the ids that open a further user turn.

A conversation's prompt is tokenised once. Everything later is appended as ids: what the model sampled, verbatim, and
glue that is tokenised on its own. Nothing is ever decoded and encoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    head = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "reply"}]
    rendered = tokenizer.apply_chat_template(
        [*head, {"role": "user", "content": text}], add_generation_prompt=True, tokenize=False
    )
    before = tokenizer.apply_chat_template(head, tokenize=False)
    if not rendered.startswith(before):
        raise EnvironmentMissing(
            f"the chat template of {tokenizer.name_or_path!r} rewrites earlier turns when a later one is added",
            "multi-turn training needs a template that keeps the prefix; give the model another chat_template",
        )
    if tokenizer.eos_token not in before[before.rindex("reply") :]:
        raise _endless(tokenizer)
    cut = before.rindex(tokenizer.eos_token) + len(tokenizer.eos_token)
    return encode(tokenizer, rendered[cut:])


def prove_prefix(tokenizer: Any) -> None:
    """Hold a tokenizer's chat template to what multi-turn training relies on, by rendering a conversation turn by turn.

    Adding a turn never changes an earlier token, whatever the turns before hold (reasoning in tags, programs, results);
    an assistant turn follows the generation prompt and ends with the end-of-turn token; and prompt, reply and
    ``user_turn_ids`` put together are the rendered conversation. (TRL asks for the first of these:
    ``is_chat_template_prefix_preserving``.)

    Raises:
        EnvironmentMissing: the template breaks one of these; says which, and the first differing token.
    """
    seen = prompt_ids(tokenizer, _TURNS[0])
    for count in range(2, len(_TURNS) + 1):
        new = _TURNS[count - 1]
        if count % 2:
            seen = (*seen, *user_turn_ids(tokenizer, new))
        else:
            seen = (*seen, *encode(tokenizer, new), tokenizer.eos_token_id)
        whole = encode(tokenizer, _rendered(tokenizer, _TURNS[:count]))
        if whole[: len(seen)] != seen:
            raise _broken(tokenizer, seen, whole, count)


_TURNS = (
    "What is 6 * 7?",
    "<think>\nA product.\n</think>\n\n```python\nprint(6 * 7)\n```",
    "Code Execution Results:\n42",
    "<think>It is 42.</think> Let me look again.\n```python\nprint(7 * 6)\n```",
    "Code Execution Results:\n42\nGive the final answer now.",
    "<<<42>>>",
    "Guide: answer again.",
    "The answer is <<<42>>>",
)
"""Users and assistants in turn, with what templates are known to rewrite or strip in earlier turns."""


def _rendered(tokenizer: Any, turns: Sequence[str]) -> str:
    messages = [{"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(turns)]
    return str(tokenizer.apply_chat_template(messages, add_generation_prompt=len(turns) % 2 == 1, tokenize=False))


def _broken(tokenizer: Any, seen: Sequence[int], whole: Sequence[int], count: int) -> EnvironmentMissing:
    at = next((at for at, (a, b) in enumerate(zip(seen, whole, strict=False)) if a != b), min(len(seen), len(whole)))
    was, now = (decode(tokenizer, ids[at : at + 1]) for ids in (seen, whole))
    around = decode(tokenizer, seen[max(0, at - 8) : at])
    if count % 2 == 0 and at == len(seen) - 1:
        return _endless(tokenizer)
    begin = " ".join(str(tokenizer.chat_template).split())[:60]
    return EnvironmentMissing(
        f"the chat template of {tokenizer.name_or_path!r} ({begin!r}...) does not keep what came before: with turn "
        f"{count} added, token {at} is {now!r} instead of {was!r}, after {around!r}",
        "multi-turn training needs a template that keeps earlier turns as they are, reasoning included; put another "
        "chat_template into the model's tokenizer_config.json",
    )


def _endless(tokenizer: Any) -> EnvironmentMissing:
    return EnvironmentMissing(
        f"the chat template of {tokenizer.name_or_path!r} ends an assistant turn without {tokenizer.eos_token!r}, the "
        "tokenizer's end-of-turn token",
        "make the token that the template writes the tokenizer's eos_token, in tokenizer_config.json",
    )


def encode(tokenizer: Any, text: str) -> tuple[int, ...]:
    """Ids of a text on its own, special tokens written in it included, none added."""
    return tuple(tokenizer.encode(text, add_special_tokens=False))


def decode(tokenizer: Any, ids: Any) -> str:
    """Text of ids, special tokens shown."""
    return str(tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))
