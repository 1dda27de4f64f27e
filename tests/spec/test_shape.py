"""How paths run through the language."""

from __future__ import annotations

from r1ci.spec.shape import dotted_keys, value_keys


def test_value_keys_are_those_an_override_can_set_whole() -> None:
    keys = value_keys()
    assert {"rl.learning_rate", "rl.objective.scale", "sft.epochs", "executor.timeout_s", "name", "rewards"} <= {*keys}
    assert len(keys) == len(set(keys))
    assert not {"rl", "sft", "rl.objective", "executor"} & {*keys}
    assert {*keys} <= {key.path for key in dotted_keys()}
