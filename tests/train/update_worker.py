"""One of several workers that make the same update together: python update_worker.py RANK WORLD RENDEZVOUS OUT.

Saves, for every preset, the weights after an update and its loss. Gloo on CPU, without Ray.
"""

import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.models.build import build_tiny
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer
from r1ci.spec.models import AgentSpec, Compute, Lora, Rl, TinyModel
from r1ci.spec.presets import OBJECTIVE_PRESETS
from r1ci.train import weights
from r1ci.train.optimizer import TrainOptimizer
from r1ci.train.sharding import share
from r1ci.train.update import Trainer

AGENT = AgentSpec(turn_tokens=16, max_code_calls=1, context_tokens=60)
SHAPE = TinyModel(layers=1, width=16, heads=2, kv_heads=1, feedforward=16, vocabulary=280)
STOPS = [StopReason.ANSWER, StopReason.VOID_TURN, StopReason.CONTEXT_LENGTH, StopReason.ANSWER, StopReason.ANSWER]
CHOICES: dict[str, dict[str, Any]] = {
    **{name: {"preset": name} for name in OBJECTIVE_PRESETS if name != "ppo"},
    "prompt_mean": {"objective": {"aggregate": "prompt_mean", "overlong": "mask", "void": "drop"}},
    "everything": {
        "preset": "gspo",
        "objective": {
            "ratio": "sequence_token",
            "scale": "whiten",
            "kl": "k3",
            "kl_coefficient": 0.1,
            "kl_unbiased": True,
            "entropy_coefficient": 0.01,
            "correction": "geometric_mask",
            "correction_low": 0.5,
            "overlong": "drop",
            "void": "mask",
        },
    },
}


def episodes() -> list[list[Trajectory]]:
    """Five questions with three episodes each, of different lengths and ends."""
    generator = torch.Generator().manual_seed(3)
    groups: list[list[Trajectory]] = [[] for _ in range(5)]
    for number in range(15):
        length = 8 + 3 * (number * 7 % 11)
        ids = torch.randint(3, SHAPE.vocabulary, (length,), generator=generator).tolist()
        mask = [0] * 4 + [1] * (length - 4)
        logprobs = [-(5.0 + 0.1 * float(torch.randn((), generator=generator))) * value for value in mask]
        groups[number // 3].append(
            Trajectory(
                task="t",
                question_id=f"t#{number // 3}",
                agent="code_agent",
                sample=number % 3,
                temperature=1.0,
                ids=tuple(ids),
                mask=tuple(mask),
                logprobs=tuple(logprobs),
                prompt_tokens=4,
                turns=(),
                stop_reason=STOPS[number % len(STOPS)],
                rewards={"correctness": float(torch.rand((), generator=generator))},
            )
        )
    return groups


def update(choice: dict[str, Any], policy: Policy, reference: Any) -> dict[str, Any]:
    """Weights and loss after an update from this worker's share of the questions."""
    spec = Rl.model_validate({**choice, "group_size": 3, "learning_rate": 1.0, "max_grad_norm": 1e6})
    before = {name: value.clone() for name, value in policy.model.state_dict().items()}
    optimizer = TrainOptimizer(torch.optim.SGD(policy.model.parameters(), lr=1.0))
    reference = reference if spec.objective.kl_coefficient else None
    trainer = Trainer(policy, reference, optimizer, spec, AGENT, {"compute": {"micro_batch_tokens": 90}})
    made = [item for group in share(episodes()) for item in group]
    _, values = trainer.update(made, 0, 1)
    after = {name: value.clone() for name, value in policy.model.state_dict().items()}
    policy.model.load_state_dict(before)
    return {"weights": after, "moved": {name: after[name] - before[name] for name in after}, "values": values}


def adapted(tokenizer: Any, in_: str, *, second_copy: bool = False) -> dict[str, Any]:
    """Whole weights, and the statistics of the second of two updates of adapters, the model sharded over the workers.

    The reference is the policy without its adapters or, for comparison, a model of its own.
    """
    spec = Rl.model_validate(
        {"group_size": 3, "learning_rate": 1.0, "objective": {"kl_in": in_, "kl_coefficient": 0.1}, "lora": {"rank": 2}}
    )
    compute = Compute(micro_batch_tokens=90).model_dump(mode="json")
    policy, frozen = (Policy(build_tiny(SHAPE, tokenizer, 0), tokenizer) for _ in range(2))
    before = {name: value.detach().clone() for name, value in frozen.model.named_parameters()}
    weights.prepare(policy, compute, Lora(rank=2))
    own = weights.WithoutAdapters(policy.model)
    reference = weights.prepare(frozen, compute, trained=False).model if second_copy else own
    learned = [parameter for parameter in policy.model.parameters() if parameter.requires_grad]
    optimizer = TrainOptimizer(torch.optim.SGD(learned, lr=1.0))
    trainer = Trainer(policy, reference, optimizer, spec, AGENT, {"compute": compute})
    made = [item for group in share(episodes()) for item in group]
    values = [trainer.update(made, step, 2)[1] for step in range(2)][-1]
    after = {name: value.clone() for name, value in weights.whole_weights(policy.model)}
    return {"weights": after, "moved": {name: after[name] - before[name] for name in after}, "values": values}


def main(rank: int, world: int, rendezvous: str, out: Path) -> None:
    """Make every update and save what came of it."""
    torch.set_num_threads(1)
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=world)
    tokenizer = train_tokenizer(["Solve the task. <<<3>>>"] * 3, SHAPE.vocabulary)
    policy = Policy(build_tiny(SHAPE, tokenizer, 0), tokenizer)
    reference = build_tiny(SHAPE, tokenizer, 1).eval()
    made = {name: update(choice, policy, reference) for name, choice in CHOICES.items()}
    made |= {f"adapters, KL in the {in_}": adapted(tokenizer, in_) for in_ in ("loss", "reward")}
    if rank == 0:
        torch.save(made, out)
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
