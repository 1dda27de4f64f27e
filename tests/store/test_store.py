"""Attempts, atomic publishing, locks, damage, and disks that take nothing."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1ci.errors import StoreError
from r1ci.plan.steps import Step
from r1ci.store import files
from r1ci.store.files import StoreUnwritable
from r1ci.store.store import AlreadyDone, Condition, Store

STEP = Step("sft", {"epochs": 1, "seed": 7}, {"model": "model-0"})
OTHER = Step("sft", {"epochs": 2, "seed": 7}, {"model": "model-0"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store that is not on the disk yet."""
    return Store(tmp_path / "runs")


def finish(store: Store, step: Step = STEP) -> Path:
    """Publish a step with two outputs."""
    with store.attempt(step) as folder:
        (folder / "out.txt").write_text("result")
        (folder / "model").mkdir()
        (folder / "model" / "weights").write_bytes(b"0" * 10)
    return folder


# ---------------------------------------------------------------- publishing


def test_a_step_is_done_once_its_block_ended_well(store: Store) -> None:
    assert not store.is_done(STEP.id)
    with store.attempt(STEP) as folder:
        assert folder == store.step_folder(STEP.id)
        assert not store.is_done(STEP.id)
        assert store.condition(STEP.id) is Condition.ATTEMPT
    assert store.is_done(STEP.id)
    assert store.condition(STEP.id) is Condition.DONE


def test_a_finished_step_lists_its_outputs_with_sizes_and_checksums(store: Store) -> None:
    folder = finish(store)
    done = json.loads((folder / "done.json").read_text())
    sizes = {output["path"]: output["bytes"] for output in done["outputs"]}
    assert sizes["out.txt"] == 6
    assert sizes["model/weights"] == 10
    assert {"step.json", "provenance.json"} <= set(sizes)
    assert all(len(output["sha256"]) == 64 for output in done["outputs"])


def test_step_json_holds_what_the_id_is_made_of(store: Store) -> None:
    recorded = json.loads((finish(store) / "step.json").read_text())
    assert Step(recorded["kind"], recorded["inputs"], recorded["reads"]).id == STEP.id == recorded["id"]


def test_checkpoints_are_no_output_and_go_when_the_step_is_done(store: Store) -> None:
    with store.attempt(STEP) as folder:
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints" / "big").write_text("x")
    assert not (folder / "checkpoints").exists()
    assert store.is_done(STEP.id)


def test_a_finished_step_is_not_computed_again(store: Store) -> None:
    finish(store)
    with pytest.raises(AlreadyDone), store.attempt(STEP):
        pytest.fail("the block must not run")


def test_nothing_is_left_of_temporary_files(store: Store) -> None:
    folder = finish(store)
    assert not list(folder.rglob(".*"))


# ---------------------------------------------------------------- attempts


def compute(store: Store, body: Callable[[Path], None], step: Step = STEP) -> None:
    """One attempt at a step."""
    with store.attempt(step) as folder:
        body(folder)


def fail(store: Store, prepare: Callable[[Path], None], error: BaseException | None = None) -> Path:
    """An attempt that ends by an exception after some files were written."""
    error = error or ValueError("no luck")

    def body(folder: Path) -> None:
        prepare(folder)
        raise error

    with pytest.raises(type(error)):
        compute(store, body)
    return store.step_folder(STEP.id)


def write_checkpoint(folder: Path) -> None:
    """What a training step leaves."""
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "step-3").write_text("state")
    (folder / "metrics.jsonl").write_text("rows")


def test_a_failed_attempt_is_kept_with_its_traceback_and_not_trusted(store: Store) -> None:
    folder = fail(store, lambda folder: None)
    assert store.condition(STEP.id) is Condition.ATTEMPT
    assert "ValueError: no luck" in (folder / "error.txt").read_text()
    assert json.loads((folder / "provenance.json").read_text())["outcome"] == "failed"


def test_an_interrupted_attempt_says_so(store: Store) -> None:
    folder = fail(store, lambda folder: None, error=KeyboardInterrupt())
    assert json.loads((folder / "provenance.json").read_text())["outcome"] == "interrupted"


def test_an_attempt_with_checkpoints_is_resumed(store: Store) -> None:
    fail(store, write_checkpoint)
    with store.attempt(STEP) as folder:
        assert (folder / "checkpoints" / "step-3").read_text() == "state"
        assert (folder / "metrics.jsonl").read_text() == "rows"
        assert not (folder / "error.txt").exists()
    provenance = json.loads((folder / "provenance.json").read_text())
    assert (provenance["attempt"], provenance["outcome"]) == (2, "done")


def test_an_attempt_without_checkpoints_is_started_again(store: Store) -> None:
    fail(store, lambda folder: (folder / "half.txt").write_text("half") and None)
    with store.attempt(STEP) as folder:
        assert not (folder / "half.txt").exists()
    assert json.loads((folder / "provenance.json").read_text())["attempt"] == 2


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"kind": "rl", "inputs": {}, "reads": {}})])
def test_an_attempt_whose_step_json_does_not_match_is_replaced(store: Store, content: str) -> None:
    folder = fail(store, write_checkpoint)
    (folder / "step.json").write_text(content)
    with store.attempt(STEP) as folder:
        assert not (folder / "checkpoints").exists()
    assert store.is_done(STEP.id)


KILLED = """
import sys, time
from pathlib import Path
from r1ci.plan.steps import Step
from r1ci.store.store import Store
step = Step("sft", {"epochs": 1, "seed": 7}, {"model": "model-0"})
with Store(Path(sys.argv[1])).attempt(step) as folder:
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "state").write_text("half way")
    print("ready", flush=True)
    sys.stdin.readline()
    (folder / "out.txt").write_text("from the other process")
"""


def other_process(store: Store) -> subprocess.Popen[str]:
    """Another process in the middle of the step; it finishes when it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(store.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    """Close what connects to a process that has ended, or is about to."""
    process.communicate()


def test_a_killed_process_leaves_an_attempt_that_is_resumed(store: Store) -> None:
    process = other_process(store)
    process.send_signal(signal.SIGKILL)
    end(process)
    assert store.condition(STEP.id) is Condition.ATTEMPT
    with store.attempt(STEP) as folder:
        assert (folder / "checkpoints" / "state").read_text() == "half way"
    assert store.is_done(STEP.id)


def test_one_process_waits_for_another_and_finds_the_step_done(store: Store) -> None:
    process = other_process(store)
    waited: list[str] = []
    releasing = threading.Thread(target=end, args=(process,))

    def wait() -> None:
        waited.append("once")
        releasing.start()

    with pytest.raises(AlreadyDone), store.attempt(STEP, wait):
        pytest.fail("the block must not run")
    releasing.join()
    assert waited == ["once"]
    assert (store.step_folder(STEP.id) / "out.txt").read_text() == "from the other process"


# ---------------------------------------------------------------- damage


def remove(name: str) -> Callable[[Path], None]:
    """Delete a file of a folder."""
    return lambda folder: (folder / name).unlink()


def overwrite(name: str, text: str) -> Callable[[Path], None]:
    """Change a file of a folder."""
    return lambda folder: (folder / name).write_text(text) and None


DAMAGES = {
    "output gone": (remove("out.txt"), "out.txt is missing"),
    "nested output gone": (remove("model/weights"), "model/weights is missing"),
    "output grown": (overwrite("out.txt", "result and more"), "out.txt has 15 bytes, published were 6"),
    "step.json gone": (remove("step.json"), "step.json is missing"),
    "step.json garbled": (overwrite("step.json", "{"), "step.json is damaged"),
    "step.json of another": (
        overwrite("step.json", json.dumps({"kind": "sft", "inputs": {}, "reads": {}})),
        "its step.json belongs to sft-",
    ),
    "done.json garbled": (overwrite("done.json", "\x00\x00"), "done.json is damaged"),
    "done.json without outputs": (overwrite("done.json", "{}"), "not what the store wrote"),
    "done.json of another form": (overwrite("done.json", '{"outputs": [1]}'), "not what the store wrote"),
}


@pytest.mark.parametrize(("damage", "text"), DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_step_is_one_clear_error_and_is_left_alone(
    store: Store, damage: Callable[[Path], None], text: str
) -> None:
    folder = finish(store)
    finish(store, OTHER)
    damage(folder)
    assert store.condition(STEP.id) is Condition.DAMAGED
    with pytest.raises(StoreError) as caught:
        store.is_done(STEP.id)
    assert text in caught.value.message
    assert STEP.id in caught.value.message
    assert "delete the folder to compute the step again" in caught.value.help
    with pytest.raises(StoreError, match="is damaged"), store.attempt(STEP):
        pytest.fail("the block must not run")
    assert store.is_done(OTHER.id)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["done.json", "step.json"]),
    content=st.one_of(
        st.binary(max_size=40),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["outputs", "path", "bytes", "kind", "inputs", "reads"]), inner)
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_whatever_stands_in_a_published_file_is_damage_or_harmless_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    store = Store(tmp_path_factory.getbasetemp() / "garbled")
    if store.condition(STEP.id) is Condition.ABSENT:
        finish(store)
    path = store.step_folder(STEP.id) / name
    original = path.read_bytes()
    path.write_bytes(content)
    try:
        assert store.condition(STEP.id) in (Condition.DAMAGED, Condition.DONE)
        if store.condition(STEP.id) is Condition.DAMAGED:
            with pytest.raises(StoreError):
                store.is_done(STEP.id)
    finally:
        path.write_bytes(original)


def test_a_folder_in_place_of_a_published_file_is_damage(store: Store) -> None:
    folder = finish(store)
    (folder / "step.json").unlink()
    (folder / "step.json").mkdir()
    assert store.condition(STEP.id) is Condition.DAMAGED


def test_a_damaged_step_is_computed_again_once_its_folder_is_deleted(store: Store) -> None:
    folder = finish(store)
    (folder / "out.txt").unlink()
    shutil.rmtree(folder)
    finish(store)
    assert store.is_done(STEP.id)


def test_a_folder_that_lost_done_json_is_an_attempt(store: Store) -> None:
    (finish(store) / "done.json").unlink()
    assert store.condition(STEP.id) is Condition.ATTEMPT
    assert not store.is_done(STEP.id)


def test_verifying_finds_a_change_that_keeps_the_size(store: Store) -> None:
    folder = finish(store)
    store.verify(STEP.id)
    (folder / "out.txt").write_text("forged")
    assert store.is_done(STEP.id)
    with pytest.raises(StoreError, match="its checksum differs"):
        store.verify(STEP.id)


def test_a_file_in_place_of_a_steps_folder_is_one_clear_error(store: Store) -> None:
    store.step_folder(STEP.id).parent.mkdir(parents=True)
    store.step_folder(STEP.id).write_text("?")
    with pytest.raises(StoreError, match="is a file where a step's folder should be"), store.attempt(STEP):
        pytest.fail("the block must not run")


# ---------------------------------------------------------------- disks that take nothing


@pytest.mark.parametrize("frame", ["", "steps", "locks"])
def test_a_store_that_cannot_be_made_is_one_clear_error(tmp_path: Path, frame: str) -> None:
    root = tmp_path / "runs"
    (root / frame).parent.mkdir(exist_ok=True)
    (root / frame).write_text("a file in the way")
    with pytest.raises(StoreUnwritable) as caught, Store(root).attempt(STEP):
        pytest.fail("the block must not run")
    assert f"the store {root} cannot be written" in caught.value.message
    assert "--root DIR" in caught.value.help


def test_a_store_below_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable, match="cannot be written"):
        Store(tmp_path / "file" / "runs").write_status("x", {})


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_read_only_store_is_one_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnwritable, match="cannot be written"), Store(tmp_path / "runs").attempt(STEP):
        pytest.fail("the block must not run")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        RuntimeError("ray::worker: OSError: [Errno 28] No space left on device"),
    ],
    ids=["python", "rust", "ray"],
)
def test_a_full_disk_in_a_step_is_one_clear_error_and_keeps_the_attempt(store: Store, error: Exception) -> None:
    finish(store, OTHER)

    def body(folder: Path) -> None:
        write_checkpoint(folder)
        raise error

    with pytest.raises(StoreUnwritable) as caught:
        compute(store, body)
    assert f"the disk of the store {store.root} is full" in caught.value.message
    assert "finished steps are kept" in caught.value.help
    assert store.condition(STEP.id) is Condition.ATTEMPT
    assert store.is_done(OTHER.id)


def test_a_disk_that_fills_up_while_publishing_leaves_an_attempt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def body(folder: Path) -> None:
        (folder / "out.txt").write_text("result")
        monkeypatch.setattr(files.os, "fsync", full)

    with pytest.raises(StoreUnwritable, match="is full"):
        compute(store, body)
    monkeypatch.undo()
    assert store.condition(STEP.id) is Condition.ATTEMPT
    finish(store)


def test_other_errors_of_a_step_are_passed_on_as_they_are(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), store.attempt(STEP):
        (tmp_path / "elsewhere" / "missing.txt").read_text()


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 64 kB; skips where none can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.getuid() != 0 or mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    return folder


def test_a_disk_that_is_really_full_is_one_clear_error(small_disk: Path) -> None:
    store = Store(small_disk / "runs")
    try:
        with pytest.raises(StoreUnwritable, match="is full"), store.attempt(STEP) as folder:
            (folder / "out.bin").write_bytes(b"0" * 1_000_000)
        assert store.condition(STEP.id) is Condition.ATTEMPT
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)


# ---------------------------------------------------------------- experiments


def test_an_experiment_keeps_its_spec_as_written_and_what_was_made_of_it(store: Store) -> None:
    folder = store.write_experiment("first", text="name: first  # mine\n", resolved={"a": 1}, plan={"steps": []})
    assert (folder / "spec.yaml").read_text() == "name: first  # mine\n"
    assert json.loads((folder / "resolved.json").read_text()) == {"a": 1}
    assert json.loads((folder / "plan.json").read_text()) == {"steps": []}
    assert store.experiments() == ("first",)


def test_a_store_without_experiments_has_none(store: Store) -> None:
    assert store.experiments() == ()
    assert store.status("none")["state"] == "new"


def test_a_status_reads_back(store: Store) -> None:
    store.write_status("first", {"state": "done"})
    assert store.status("first") == {"state": "done"}


def test_a_run_whose_process_is_gone_is_called_killed(store: Store) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    status = {"state": "running", "host": os.uname().nodename, "pid": process.pid}
    store.write_status("first", status)
    assert store.status("first")["state"] == "killed"
    store.write_status("first", {**status, "pid": os.getpid()})
    assert store.status("first")["state"] == "running"
    store.write_status("first", {**status, "host": "elsewhere"})
    assert store.status("first")["state"] == "running"


def test_a_garbled_status_is_one_clear_error(store: Store) -> None:
    store.write_status("first", {})
    (store.experiment_folder("first") / "status.json").write_text('{"state": "run')
    with pytest.raises(StoreError, match=r"status\.json is damaged"):
        store.status("first")
