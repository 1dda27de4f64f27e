"""Choices of an objective that contradict each other are refused at the key at fault."""

from collections.abc import Callable
from typing import Any

import pytest

from r1ci.errors import R1ciError
from r1ci.spec.presets import OBJECTIVE_PRESETS

Load = Callable[..., Any]


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["rl.objective.clip_dual=1.1"], ["rl.objective.clip_dual", "below the upper clip 1.2"]),
        (["rl.objective.clip_dual=0.5"], ["rl.objective.clip_dual"]),
        (["rl.preset=cispo", "rl.objective.clip_dual=9"], ["rl.objective.clip_dual", "cispo has no use for it"]),
        (["rl.objective.correction_low=3"], ["rl.objective.correction_low", "above correction_cap 2"]),
        (["rl.preset=rloo", "rl.objective.kl_unbiased=true"], ["rl.objective.kl_unbiased", "kl_in is reward"]),
        (["rl.objective.overlong_buffer=2"], ["rl.objective.overlong_buffer"]),
        (["rl.objective.scale=whitening"], ["rl.objective.scale", "whiten"]),
        (["rl.preset=reinforce"], ["rl.preset", "reinforce++"]),
    ],
)
def test_contradictions_are_refused(load_text: Load, overrides: list[str], parts: list[str]) -> None:
    with pytest.raises(R1ciError) as caught:
        load_text("", overrides)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize("preset", OBJECTIVE_PRESETS)
def test_every_preset_loads_and_spells_out_every_choice(load_text: Load, preset: str) -> None:
    resolved = load_text("", [f"rl.preset={preset}"])
    assert {**resolved.data["rl"]["objective"]} == OBJECTIVE_PRESETS[preset]
