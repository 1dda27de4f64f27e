"""A store behind a URL: finished steps travel whole or not at all, and count as done wherever the URL is named."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from r1ci.errors import EnvironmentMissing, StoreError
from r1ci.plan.steps import Step
from r1ci.store.files import StoreUnwritable
from r1ci.store.remote import Mirror, working_copy
from r1ci.store.store import AlreadyDone, Condition, Store
from r1ci.store.sweeps import SweepFolder, TrialRecord

STEP = Step("model", {"seed": 1}, {})


@pytest.fixture(scope="module")
def s3() -> Iterator[fsspec.AbstractFileSystem]:
    """A server that speaks S3, where the environment points to."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "anything")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        files = fsspec.filesystem("s3")
        files.mkdir("bucket")
        yield files
    server.stop()


@pytest.fixture(params=["file", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place that two working copies share."""
    if request.param == "s3":
        request.getfixturevalue("s3")
        yield f"s3://bucket/{tmp_path.name}"
        return
    if request.param == "file":
        yield f"file://{tmp_path / 'there'}"
        return
    name = f"/{tmp_path.name}"
    yield f"memory:/{name}"
    memory = fsspec.filesystem("memory")
    if memory.exists(name):
        memory.rm(name, recursive=True)


def copy(url: str, cache: Path) -> Store:
    return Store(working_copy(url, cache))


def compute(store: Store, text: str = "weights") -> None:
    with store.attempt(STEP) as folder:
        (folder / "model").mkdir()
        (folder / "model" / "weights.txt").write_text(text)


def compute_half(store: Store) -> None:
    with store.attempt(STEP) as folder:
        (folder / "half.txt").write_text("half")
        raise ZeroDivisionError


def test_a_step_computed_on_one_machine_is_done_on_another(url: str, tmp_path: Path) -> None:
    compute(copy(url, tmp_path / "a"))
    other = copy(url, tmp_path / "b")
    assert other.condition(STEP.id) is Condition.DONE
    assert other.is_done(STEP.id)
    other.verify(STEP.id)
    assert (other.step_folder(STEP.id) / "model" / "weights.txt").read_text() == "weights"
    with pytest.raises(AlreadyDone):
        compute(other)


def test_a_step_that_nobody_finished_is_absent(url: str, tmp_path: Path) -> None:
    store = copy(url, tmp_path / "a")
    assert store.condition(STEP.id) is Condition.ABSENT
    assert not store.is_done(STEP.id)


def test_an_upload_without_its_end_does_not_count(url: str, tmp_path: Path) -> None:
    compute(copy(url, tmp_path / "a"))
    files, base = fsspec.core.url_to_fs(url)
    files.rm(f"{base}/steps/{STEP.id}/done.json")
    assert not copy(url, tmp_path / "b").is_done(STEP.id)


def test_a_finished_step_replaces_an_attempt_at_it(url: str, tmp_path: Path) -> None:
    begun = copy(url, tmp_path / "b")
    with pytest.raises(ZeroDivisionError):
        compute_half(begun)
    compute(copy(url, tmp_path / "a"))
    assert begun.is_done(STEP.id)
    assert not (begun.step_folder(STEP.id) / "half.txt").exists()


def test_a_changed_output_is_refused_and_named(url: str, tmp_path: Path) -> None:
    compute(copy(url, tmp_path / "a"))
    files, base = fsspec.core.url_to_fs(url)
    with files.open(f"{base}/steps/{STEP.id}/model/weights.txt", "wb") as file:
        file.write(b"weighty")
    other = copy(url, tmp_path / "b")
    with pytest.raises(StoreError, match=r"model/weights\.txt is not what was published"):
        other.is_done(STEP.id)
    assert not other.step_folder(STEP.id).exists()


def test_what_could_not_be_uploaded_is_uploaded_when_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"file://{tmp_path / 'there'}"
    store = copy(url, tmp_path / "a")
    with monkeypatch.context() as broken:
        broken.setattr(Mirror, "_put", _no_network)
        with pytest.raises(StoreUnwritable, match="could not be copied"):
            compute(store)
    assert store.condition(STEP.id) is Condition.DONE
    assert not copy(url, tmp_path / "b").is_done(STEP.id)
    store.verify(STEP.id)
    assert copy(url, tmp_path / "c").is_done(STEP.id)


def _no_network(mirror: Mirror, name: str) -> None:
    raise OSError("no network")


def test_experiments_and_their_status_are_seen_from_elsewhere(url: str, tmp_path: Path) -> None:
    store = copy(url, tmp_path / "a")
    store.write_experiment("small", text="name: small", resolved={"name": "small"}, plan={"steps": []})
    store.write_status("small", {"state": "running", "steps": {}})
    store.write_status("small", {"state": "done", "steps": {}})
    other = copy(url, tmp_path / "b")
    assert other.experiments() == ("small",)
    assert other.status("small")["state"] == "done"
    assert (other.experiment_folder("small") / "spec.yaml").read_text() == "name: small"


def test_a_running_status_is_not_uploaded_at_every_change(tmp_path: Path) -> None:
    store = copy(f"file://{tmp_path / 'there'}", tmp_path / "a")
    for number in range(5):
        store.write_status("small", {"state": "running", "number": number})
    there = tmp_path / "there" / "experiments" / "small" / "status.json"
    assert json.loads(there.read_text())["number"] == 0


def test_sweeps_are_seen_from_elsewhere_and_forgotten_everywhere(url: str, tmp_path: Path) -> None:
    folder = SweepFolder(copy(url, tmp_path / "a").root, "lr")
    folder.create(text="name: lr", resolved={"name": "lr"})
    folder.write(TrialRecord(0, "small", {}, ()))
    elsewhere = SweepFolder(copy(url, tmp_path / "b").root, "lr")
    assert [record.number for record in elsewhere.records()] == [0]
    folder.clear()
    assert SweepFolder(copy(url, tmp_path / "c").root, "lr").records() == ()


def test_a_bucket_that_is_not_there_is_an_error_and_not_made(s3: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    store = copy("s3://misspelled/runs", tmp_path / "here")
    with pytest.raises(StoreUnwritable, match="could not be copied to s3://misspelled/runs"):
        compute(store)
    assert s3.ls("") == ["bucket"]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("abfs://bucket/runs", "needs adlfs"),
        ("gs://bucket/runs", "needs gcsfs"),
        ("nowhere://runs", "no store can be at nowhere://runs"),
    ],
)
def test_a_protocol_that_cannot_be_spoken_here_is_named(
    url: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("adlfs", "gcsfs"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EnvironmentMissing, match=text):
        working_copy(url, tmp_path)
