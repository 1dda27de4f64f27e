"""A byte-level BPE tokenizer trained on a spec's own text.

Digits and spaces are tokens of their own, so that a number or a word is spelled with the same tokens wherever it
stands: copying from question to program is then copying token by token, which a small model can learn.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from r1ci.models.chat import END_OF_TEXT, END_OF_TURN, SPECIAL_TOKENS, TEMPLATE

_PIECES = r" ?[^\W\d_]+|\d|\n|[^\S\n]+|[^\s\w]+|_"


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A ``PreTrainedTokenizerFast`` with a chat template, of at most ``vocabulary`` tokens.

    The 256 byte tokens are always there, so every text round-trips.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TURN,
        pad_token=END_OF_TEXT,
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=1_000_000,
    )
