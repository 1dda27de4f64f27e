"""Checkpoints of a running training step: everything that a resumed run needs, complete or absent.

Trained weights, optimizer state and the number of steps done are all there is to keep: whatever is random in training
hangs on seed and step. Each worker writes what it holds, a file of its own, aside and renamed into place; a checkpoint
exists where the files of all its workers do, so nobody has to be waited for. Tensors that are sharded over workers are
cut along their first dimension, so any number of workers can read what another number wrote.

Files are written by a thread from a copy in the host's memory. The next step waits for it before it counts as done, so
a kill at any instant loses at most ``compute.checkpoint_every`` finished steps.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from r1ci.errors import StepFailed
from r1ci.train.optimizer import TrainOptimizer
from r1ci.train.sharding import gather, rank, world

FOLDER = "checkpoints"
KEEP = 2
NAME = re.compile(r"step-(\d+)\.(\d+)-of-(\d+)\.pt")
UNREADABLE = (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError)


class Stateful(Protocol):
    """Something else that learns, whole on every worker."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs of it."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Take over what ``state_dict`` gave."""
        ...


class Checkpoints:
    """Writes and restores the state of a model, its optimizer and whatever else learns beside them (``also``)."""

    def __init__(
        self, folder: Path, model: Any, optimizer: TrainOptimizer, also: Mapping[str, Stateful] | None = None
    ) -> None:
        self._parent = folder / FOLDER
        self._model, self._optimizer, self._also = model, optimizer, dict(also or {})
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.shutdown(wait=True)
        if kind is None:
            self.settle()

    def after(self, done: int, steps: int, every: int) -> None:
        """To be called after each step: waits for the checkpoint before, begins one where it is due.

        None is written after the last step, which is followed by the model itself.
        """
        self.settle()
        if done < steps and done % every == 0:
            self.begin(done)

    def begin(self, done: int) -> None:
        """Copy the state after ``done`` steps and write it in the background."""
        self.settle()
        sharded = any(isinstance(parameter, DTensor) for parameter in self._model.parameters())
        if rank() and not sharded:
            return
        cut: list[str] = []
        state = _copied({"done": done, **self._state()}, "", cut)
        number, count = (rank(), world()) if sharded else (0, 1)
        path = self._parent / f"step-{done:07d}.{number}-of-{count}.pt"
        self._writing = self._writer.submit(_write, path, {**state, "cut": cut})

    def settle(self) -> None:
        """Wait for the checkpoint that is being written; raises what went wrong."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def restore(self) -> int:
        """Load the newest complete and readable checkpoint; the number of steps done, 0 where there is none.

        Raises:
            StepFailed: it is of another model or optimizer.
        """
        done = self._load_newest(gather([_complete(self._parent)])[0])
        self._forget_after(done)
        return done

    def _load_newest(self, found: Sequence[tuple[int, list[Path]]]) -> int:
        for done, paths in found:
            state = _read(paths)
            if all(gather([state is not None])) and state is not None:
                self._load(state)
                return done
        return 0

    def _forget_after(self, done: int) -> None:
        """Delete files of later steps: half a checkpoint must not be completed by what is trained from here on."""
        if rank() == 0:
            for path in self._parent.glob("step-*.pt"):
                if (match := NAME.fullmatch(path.name)) and int(match[1]) > done:
                    path.unlink()
        gather([None])

    def _state(self) -> dict[str, Any]:
        return {
            "model": dict(_trained(self._model)),
            "optimizer": self._optimizer.state_dict(),
            "also": {name: thing.state_dict() for name, thing in self._also.items()},
        }

    def _load(self, parts: Sequence[dict[str, Any]]) -> None:
        """Take over what the workers wrote, one tensor at a time: a whole state would not fit beside a large model."""
        self._refuse_another(parts[0])
        cut = set(parts[0]["cut"])
        with torch.no_grad():
            for name, parameter in _trained(self._model):
                values = [part["model"][name] for part in parts]
                parameter.copy_(_own(values, parameter, cut=f"/model/{name}" in cut))
        state = parts[0]["optimizer"]
        for number, (optimizer, own) in enumerate(zip(state["parts"], self._optimizer.parameters(), strict=True)):
            for index, values in optimizer["state"].items():
                for key in values:
                    place = f"/optimizer/parts/{number}/state/{index}/{key}"
                    everybody = [part["optimizer"]["parts"][number]["state"][index][key] for part in parts]
                    values[key] = _own(everybody, own[index], cut=place in cut)
        self._optimizer.load_state_dict(state)
        for name, thing in self._also.items():
            thing.load_state_dict(parts[0]["also"][name])

    def _refuse_another(self, state: Mapping[str, Any]) -> None:
        """A folder belongs to one step, so this is somebody's copy or a change of the code between two attempts."""
        expected, found = {name for name, _ in _trained(self._model)}, set(state["model"])
        counts = [len(own) for own in self._optimizer.parameters()]
        held = [sum(len(group["params"]) for group in part["param_groups"]) for part in state["optimizer"]["parts"]]
        differ = sorted(expected ^ found) or sorted(set(self._also) ^ set(state["also"]))
        if differ or counts != held:
            raise StepFailed(
                f"{self._parent}: the checkpoint is of another training: "
                + (f"{differ[0]} is only in one of them" if differ else "its optimizer is another"),
                "delete this folder; the step then begins again",
            )


def trained_weights(folder: Path, done: int) -> dict[str, Tensor] | None:
    """The trained weights, whole and by name, of the checkpoint after ``done`` steps; None where there is none."""
    for number, paths in _complete(folder / FOLDER):
        parts = _read(paths) if number == done else None
        if parts is not None:
            merged = _merged([{"model": part["model"]} for part in parts], "", set(parts[0]["cut"]))
            return dict(merged["model"])
    return None


def _trained(model: Any) -> Iterable[tuple[str, Tensor]]:
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


def _copied(value: Any, place: str, cut: list[str]) -> Any:
    """The same tree with every tensor copied to the host, sharded ones as this worker's part; ``cut`` gets those."""
    if isinstance(value, dict):
        return {key: _copied(item, f"{place}/{key}", cut) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item, f"{place}/{index}", cut) for index, item in enumerate(value)]
    if isinstance(value, DTensor):
        cut.append(place)
        value = value.to_local()
    return value.detach().to("cpu", copy=True) if isinstance(value, Tensor) else value


def _merged(values: Sequence[Any], place: str, cut: set[str]) -> Any:
    """One tree of whole tensors from the parts of all workers."""
    first = values[0]
    if isinstance(first, dict):
        return {key: _merged([value[key] for value in values], f"{place}/{key}", cut) for key in first}
    if isinstance(first, list):
        return [_merged([value[index] for value in values], f"{place}/{index}", cut) for index in range(len(first))]
    return torch.cat(list(values)) if place in cut and len(values) > 1 else first


def _own(values: Sequence[Any], like: Tensor, *, cut: bool) -> Any:
    """This worker's part of what all workers wrote, laid out as ``like`` is; counters are everybody's."""
    if not isinstance(values[0], Tensor):
        return values[0]
    if cut and isinstance(like, DTensor) and len(values) == world():
        part = values[rank()]
    else:
        whole = torch.cat(list(values)) if cut else values[0]
        if not isinstance(like, DTensor) or whole.shape != like.shape:
            return whole.clone()
        rows = -(-len(whole) // world())
        part = whole[rank() * rows : (rank() + 1) * rows]
    part = part.to(like.to_local().device, copy=True)
    return DTensor.from_local(
        part, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )


def _write(path: Path, state: Mapping[str, Any]) -> None:
    """Write aside, flush, rename; then delete this worker's files of all but the newest complete checkpoints."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".part-{path.name}")
    with part.open("wb") as stream:
        torch.save(dict(state), stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    kept = [done for done, _ in _complete(path.parent)][:KEEP]
    number = path.name.split(".")[1].split("-")[0]
    for old in path.parent.glob(f"step-*.{number}-of-*.pt"):
        if len(kept) == KEEP and (match := NAME.fullmatch(old.name)) and int(match[1]) < kept[-1]:
            old.unlink()


def _complete(parent: Path) -> list[tuple[int, list[Path]]]:
    """Checkpoints that have the files of all their workers, newest first."""
    found: dict[tuple[int, int], dict[int, Path]] = {}
    for path in parent.glob("step-*.pt"):
        if match := NAME.fullmatch(path.name):
            done, number, count = map(int, match.groups())
            found.setdefault((done, count), {})[number] = path
    whole = [(done, [files[i] for i in range(count)]) for (done, count), files in found.items() if len(files) == count]
    return sorted(whole, reverse=True)


def _read(paths: Sequence[Path]) -> list[dict[str, Any]] | None:
    """The parts of a checkpoint, mapped into memory; None where one cannot be read."""
    try:
        parts = [torch.load(path, map_location="cpu", weights_only=True, mmap=True) for path in paths]
        return parts if len({part["done"] for part in parts}) == 1 else None
    except UNREADABLE:
        return None
