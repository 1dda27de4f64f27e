"""Estimates of the KL divergence from the reference to the policy, from the tokens that the policy sampled.

    k1  lp - ref                         unbiased value, can be negative
    k2  (lp - ref)^2 / 2                 biased value; its gradient is that of the divergence where lp is on policy
    k3  exp(ref - lp) - (ref - lp) - 1   unbiased value, never negative

(J. Schulman, "Approximating KL divergence"; verl's low_var_kl is k3.) In a loss, the gradient of an estimate is not
that of the divergence: k1's does not depend on the reference at all, k3's is that of the opposite divergence.
Multiplied by the ratio, with gradient, k1 and k3 have the right one (DeepSeek-V3.2; TRL's use_bias_correction_kl).

Departures: no clamps. verl clamps k3's input to 20 and its value to 10.

Shapes: E episodes, T positions. torch is imported for types only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Estimator = Literal["k1", "k2", "k3"]


def estimate(towards: Tensor, estimator: Estimator) -> Tensor:
    """The divergence per token in nats, given ref - lp, in any shape."""
    if estimator == "k1":
        return -towards
    if estimator == "k2":
        return towards.square() / 2
    return towards.exp() - towards - 1


def from_here_on(kl_ET: Tensor) -> Tensor:
    """For each position the sum of the values from there to the end; values outside the mask must be 0."""
    return kl_ET.flip(1).cumsum(1).flip(1)
