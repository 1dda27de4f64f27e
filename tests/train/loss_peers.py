"""Log-probabilities to compute losses of, and other people's losses to compare with: TRL's and verl's."""

import importlib.util
import sys
import types
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from r1ci.spec.models import Objective
from r1ci.spec.presets import OBJECTIVE_PRESETS
from r1ci.train.objectives import LossParts, policy_loss

MAX_TOKENS = 16
GROUP = 2


def objective(preset: str = "grpo-r1ci", **changes: Any) -> Objective:
    return Objective.model_validate({**OBJECTIVE_PRESETS[preset], **changes})


class Data:
    """Six ragged episodes of three questions, with holes where execution results stood; log-probabilities apart enough
    to clip."""

    def __init__(self, dtype: torch.dtype = torch.float64, seed: int = 7) -> None:
        generator = torch.Generator().manual_seed(seed)

        def noise(scale: float) -> Tensor:
            return scale * torch.randn(6, 9, generator=generator, dtype=dtype)

        self.logps = (-2 * torch.rand(6, 9, generator=generator, dtype=dtype)).requires_grad_()
        base = self.logps.detach()
        self.old, self.ref = base + noise(0.4), base + noise(0.3)
        self.rollout = self.old + noise(0.15) - 0.03
        self.entropy = noise(1.0).abs()
        self.advantages = torch.randn(6, generator=generator, dtype=dtype)
        self.completion = torch.ones(6, 9, dtype=torch.long)
        self.completion[1, 6:] = 0
        self.completion[3, 4:] = 0
        self.tool = torch.ones(6, 9, dtype=torch.long)
        self.tool[0, 3:5] = 0
        self.tool[2, 1:7] = 0
        self.mask = self.completion * self.tool

    @property
    def prompt_tokens(self) -> Tensor:
        """Sampled tokens of each episode's question."""
        return self.mask.sum(1).reshape(-1, GROUP).sum(1).repeat_interleave(GROUP)

    def loss(self, spec: Objective, rows: Any = slice(None)) -> LossParts:
        """The loss of some of the episodes as their share of the loss of all six."""
        return policy_loss(
            self.logps[rows],
            self.old[rows],
            self.ref[rows],
            self.entropy[rows],
            self.advantages[rows],
            self.mask[rows],
            spec,
            total_tokens=int(self.mask.sum()),
            total_sequences=6,
            max_tokens=MAX_TOKENS,
            rollout_logps_BT=self.rollout[rows],
            prompt_tokens_B=self.prompt_tokens[rows],
            total_prompts=6 // GROUP,
        )


class Accelerator:
    """As much of one process as TRL's losses ask for."""

    num_processes = 1
    sync_gradients = True
    device = torch.device("cpu")

    def gather(self, value: Tensor) -> Tensor:
        return value if value.dim() else value[None]

    def gather_for_metrics(self, value: Tensor) -> Tensor:
        return self.gather(value)

    def reduce(self, value: Tensor, reduction: str = "sum") -> Tensor:
        return value


def trl_weights(data: Data, spec: Objective) -> Tensor:
    """What TRL's trainer makes of the engine's log-probabilities, in its own words a few lines of a long method."""
    difference = (data.old - data.rollout) * data.mask
    if spec.correction.startswith("sequence"):
        difference = difference.sum(dim=-1, keepdim=True)
    ratio = difference.exp()
    if spec.correction.endswith("truncate"):
        return ratio.clamp(min=spec.correction_low, max=spec.correction_cap)
    return ratio.masked_fill((ratio < spec.correction_low) | (ratio > spec.correction_cap), 0.0)


def trl_loss(data: Data, spec: Objective) -> tuple[Tensor, dict[str, list[float]]]:
    """The loss of TRL's GRPO trainer for the same choices, computed by its own method on a stand-in for the trainer."""
    trl = pytest.importorskip("trl")
    names = {"sequence_mean": "grpo", "token_mean": "dapo", "constant": "dr_grpo", "sequence_sum": "luspo"}
    cispo, corrected = spec.clip == "cispo", spec.correction != "none"
    trainer = types.SimpleNamespace(
        accelerator=Accelerator(),
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level=spec.ratio,
        beta=spec.kl_coefficient,
        loss_type="cispo" if cispo else names[spec.aggregate],
        epsilon_low=spec.clip_low,
        epsilon_high=1 + spec.clip_high if cispo and spec.clip_high else spec.clip_high,
        args=types.SimpleNamespace(
            delta=spec.clip_dual, use_bias_correction_kl=spec.kl_unbiased, steps_per_generation=1
        ),
        use_vllm=corrected,
        vllm_importance_sampling_correction=corrected,
        model=types.SimpleNamespace(training=True),
        current_gradient_accumulation_steps=1,
        max_completion_length=MAX_TOKENS,
        _entropy_bonus_enabled=spec.entropy_coefficient > 0,
        use_adaptive_entropy=False,
        entropy_coef=spec.entropy_coefficient,
        _metrics={"train": defaultdict(list)},
        _get_per_token_logps_and_entropies=lambda *args, **kwargs: (data.logps, data.entropy, None),
    )
    inputs = {
        "prompt_ids": torch.zeros(6, 1, dtype=torch.long),
        "prompt_mask": torch.ones(6, 1, dtype=torch.long),
        "completion_ids": torch.zeros(6, 9, dtype=torch.long),
        "completion_mask": data.completion,
        "tool_mask": data.tool,
        "advantages": data.advantages,
        "old_per_token_logps": data.old,
        "ref_per_token_logps": data.ref,
        "importance_sampling_ratio": trl_weights(data, spec),
        "num_items_in_batch": data.mask.sum(),
    }
    return trl.GRPOTrainer._compute_loss(trainer, None, inputs), trainer._metrics["train"]


def trl_rloo_loss(data: Data, spec: Objective) -> Tensor:
    """The loss of TRL's RLOO trainer, which knows no execution results: its completion mask is ours."""
    trl = pytest.importorskip("trl")
    trainer = types.SimpleNamespace(
        accelerator=Accelerator(),
        aux_loss_enabled=False,
        beta=0.0,
        epsilon_low=spec.clip_low,
        epsilon_high=spec.clip_high,
        model=types.SimpleNamespace(training=True),
        _metrics={"train": defaultdict(list)},
        _get_per_token_logps_and_entropies=lambda *args, **kwargs: (data.logps, data.entropy, None),
    )
    inputs = {
        "prompt_ids": torch.zeros(6, 1, dtype=torch.long),
        "prompt_mask": torch.ones(6, 1, dtype=torch.long),
        "completion_ids": torch.zeros(6, 9, dtype=torch.long),
        "completion_mask": data.mask,
        "advantages": data.advantages,
        "old_logps": (data.old * data.mask).sum(1),
    }
    loss: Tensor = trl.RLOOTrainer._compute_loss(trainer, None, inputs)
    return loss


def gradients(ours: Tensor, theirs: Tensor, data: Data) -> tuple[Tensor, Tensor]:
    """Of both losses, for the policy's log-probabilities."""
    (one,) = torch.autograd.grad(ours, data.logps, retain_graph=True)
    (other,) = torch.autograd.grad(theirs, data.logps, retain_graph=True)
    return one, other


def assert_equal(ours: Tensor, theirs: Tensor, data: Data, tolerance: float = 1e-10) -> None:
    """Value and gradient, the gradient being more than zero."""
    torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=tolerance, atol=tolerance)
    our_gradient, their_gradient = gradients(ours, theirs, data)
    torch.testing.assert_close(our_gradient, their_gradient, rtol=tolerance, atol=tolerance)
    assert our_gradient.abs().sum() > 0


def verl_folder() -> Path:
    """Where verl's files are; skips where there is none (``pip install --no-deps -c constraints.txt verl``)."""
    found = importlib.util.find_spec("verl")
    if found is None or not found.submodule_search_locations:
        pytest.skip("verl is not installed")
    return Path(next(iter(found.submodule_search_locations)))


@contextmanager
def _stand_ins(folder: Path) -> Iterator[None]:
    """verl's packages without what they import: Ray, tensordict, every engine."""

    class Config(types.SimpleNamespace):
        def get(self, key: str, default: Any = None) -> Any:
            return getattr(self, key, default)

    class AlgoConfig(Config):
        pass

    def nothing(*args: Any, **kwargs: Any) -> Any:
        return lambda function: function

    contents: dict[str, dict[str, Any]] = {
        "tensordict": {"TensorDict": dict},
        "verl": {},
        "verl.protocol": {"DataProto": dict},
        "verl.utils": {"as_torch_index": None, "group_mean_std": None},
        "verl.utils.import_utils": {"deprecated": nothing},
        "verl.utils.device": {"get_device_name": lambda: "cpu", "get_torch_device": lambda: torch.cpu},
        "verl.trainer": {},
        "verl.trainer.config": {"AlgoConfig": AlgoConfig},
        "verl.trainer.config.algorithm": {"RolloutCorrectionConfig": Config},
        "verl.workers": {},
        "verl.workers.config": {"ActorConfig": Config},
        "verl.workers.config.actor": {"PolicyLossConfig": Config},
    }
    before = {name: sys.modules.get(name) for name in [*contents, "verl.utils.torch_functional"]}
    for name, values in contents.items():
        module = types.ModuleType(name)
        vars(module).update(values)
        module.__path__ = [str(folder.parent.joinpath(*name.split(".")))]
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, kept in before.items():
            sys.modules.pop(name, None)
            if kept is not None:
                sys.modules[name] = kept


def verl_module(path: str) -> Any:
    """One of verl's files, such as trainer/ppo/core_algos.py, loaded without the rest of verl."""
    folder = verl_folder()
    with _stand_ins(folder):
        found = importlib.util.spec_from_file_location(f"verl_{Path(path).stem}", folder / path)
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        module.config_class = sys.modules["verl.workers.config"].ActorConfig  # type: ignore[attr-defined]
        module.algorithm_class = sys.modules["verl.trainer.config"].AlgoConfig  # type: ignore[attr-defined]
    return module
