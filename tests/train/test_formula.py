"""The printed formula says what the objective holds."""

from typing import Any

import pytest
from loss_peers import objective

from r1ci.spec.models import Rl
from r1ci.spec.presets import OBJECTIVE_PRESETS
from r1ci.train.formula import LEGEND, describe


def test_a_description_states_the_values() -> None:
    assert describe(objective()).splitlines() == [
        "advantage  A = (R - mean(R)) / (std(R of the group, ddof=1) + 1e-06)",
        "ratio      r_t = exp(lp_t - old_t)",
        "policy     L_t = -min(r_t A, clip(r_t, 0.8, 1.2) A)",
        "kl         L_t = L_t + 0.001 * (exp(ref_t - lp_t) - (ref_t - lp_t) - 1)",
        "loss       mean over episodes of the mean of L_t over their sampled tokens",
        f"where      {LEGEND}",
    ]


@pytest.mark.parametrize("preset", OBJECTIVE_PRESETS)
def test_every_preset_has_a_formula_of_its_own(preset: str) -> None:
    texts = {}
    for name in OBJECTIVE_PRESETS:
        spec = Rl.model_validate({"preset": name})
        texts[name] = describe(spec.objective, spec.critic)
    assert [name for name, text in texts.items() if text == texts[preset]] == [preset]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"scale": "none", "baseline": "leave_one_out"}, ["A = R - mean(R of the others)"]),
        ({"clip_high": 0.28}, ["clip(r_t, 0.8, 1.28) A"]),
        ({"clip_dual": 3.0}, ["where A < 0, min(r_t, 3)"]),
        ({"clip_low": None}, ["-min(r_t A, min(r_t, 1.2) A)"]),
        ({"clip_high": None}, ["-min(r_t A, max(r_t, 0.8) A)"]),
        ({"clip_low": None, "clip_high": None}, ["L_t = -r_t A"]),
        ({"clip": "cispo", "clip_low": None, "clip_high": 4.0}, ["L_t = -min(r_t, 5) A lp_t"]),
        ({"correction": "token_truncate"}, ["w_t = min(exp(old_t - roll_t), 2)"]),
        ({"correction": "sequence_truncate", "correction_low": 0.5}, ["clip(exp(sum", "0.5, 2)"]),
        ({"correction": "sequence_mask"}, ["where 0 <= exp(sum"]),
        ({"correction": "geometric_mask"}, ["1 where 0 <= exp(mean"]),
        ({"kl_unbiased": True}, ["0.001 * r_t * (exp("]),
        ({"kl": "k2", "kl_in": "reward"}, ["R = R - 0.001 * sum over the episode of (old_t - ref_t)^2 / 2"]),
        ({"kl": "k1", "kl_in": "return"}, ["A_t = A - 0.001 * sum from t on of old_t - ref_t", "-min(r_t A_t"]),
        ({"scale": "whiten"}, ["A = (A - mean(A)) / (std(A) + 1e-06)"]),
        ({"entropy_coefficient": 0.2}, [" - 0.2 * mean entropy"]),
        ({"overlong": "penalise", "overlong_buffer": 0.0}, ["R = R - 0.5 if a token limit cut the episode\n"]),
        (
            {"overlong": "mask", "void": "drop"},
            ["cut        episodes", "no gradient", "void       episodes", "left out"],
        ),
        ({"ratio": "product"}, ["exp(sum over the sampled tokens"]),
        ({"aggregate": "prompt_mean"}, ["mean over questions of"]),
    ],
)
def test_choices_appear_in_it(changes: dict[str, Any], parts: list[str]) -> None:
    text = describe(objective(**changes))
    for part in parts:
        assert part in text
    assert text != describe(objective())


def test_ppo_shows_its_critic() -> None:
    spec = Rl.model_validate({"preset": "ppo", "critic": {"gamma": 0.9, "lam": 0.5}})
    text = describe(spec.objective, spec.critic)
    assert "A_t = R_t + 0.9 * V_(t+1) - V_t + 0.45 * A_(t+1)" in text
    assert "mean(R)" not in text
    assert "reward     R_t = (R at the last token, 0 before)\n" in text
    spec = Rl.model_validate({"preset": "ppo", "objective": {"kl": "k1", "kl_in": "return"}})
    text = describe(spec.objective, spec.critic)
    assert "R_t = (R at the last token, 0 before) - 0.001 * (old_t - ref_t)\n" in text
    assert "sum from t on" not in text
