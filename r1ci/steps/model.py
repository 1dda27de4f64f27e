"""Prepare the base model of a cell: build the tiny one, or load weights, and put it in the store."""

from __future__ import annotations

from pydantic import TypeAdapter

from r1ci.models import load
from r1ci.models.build import build_tiny
from r1ci.models.chat import prove_prefix
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer
from r1ci.plan.context import StepContext
from r1ci.spec.models import GgufModel, ModelSpec, TinyModel
from r1ci.steps.demonstrations import FILE
from r1ci.teachers import demonstration


def run(context: StepContext) -> None:
    """Write model/ in the Hugging Face format.

    Raises:
        EnvironmentMissing: the model cannot be loaded, or its chat template rewrites earlier turns.
    """
    spec = TypeAdapter(ModelSpec).validate_python(context.inputs["model"])
    if isinstance(spec, TinyModel):
        shown = list(demonstration.read(context.reads["demonstrations"] / FILE))
        texts = [text for item in shown for text in (item.prompt, "".join(part.text for part in item.segments))]
        tokenizer = train_tokenizer(texts, spec.vocabulary)
        policy = Policy(build_tiny(spec, tokenizer, context.inputs["seed"]), tokenizer)
    elif isinstance(spec, GgufModel):
        policy = load.load_gguf(spec)
    else:
        policy = load.load_hub(spec)
    prove_prefix(policy.tokenizer)
    load.save(policy, context.folder / "model")
