"""What is sent to a cluster: the files of the working tree, the pinned packages, and under which id."""

import importlib.metadata
import subprocess
from pathlib import Path

import pytest

from r1ci.errors import UsageError
from r1ci.launch.jobs import package
from r1ci.launch.jobs.environment import pinned
from r1ci.launch.jobs.package import pack, working_tree
from r1ci.launch.jobs.submission import Submission, job_id_after


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A git repository with a tracked, a new, an ignored and a deleted file."""
    root = tmp_path / "tree"
    (root / "deep").mkdir(parents=True)
    for name in ("kept.yaml", "deep/kept.py", "gone.txt", "ignored.bin"):
        (root / name).write_text(name)
    (root / ".gitignore").write_text("ignored.bin\n")
    git = ["git", "-C", str(root)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    (root / "gone.txt").unlink()
    (root / "new.txt").write_text("new")
    return root


def names(root: Path, **left_out: list[Path]) -> list[str]:
    return [path.as_posix() for path in working_tree(root, **left_out).files]


def test_the_tree_is_what_git_tracks_and_what_is_new_and_not_ignored(tree: Path) -> None:
    assert names(tree) == [".gitignore", "deep/kept.py", "kept.yaml", "new.txt"]


def test_the_whole_tree_is_found_from_a_folder_inside_it(tree: Path) -> None:
    assert working_tree(tree / "deep").root == tree.resolve()


def test_the_store_stays_here(tree: Path) -> None:
    assert "deep/kept.py" not in names(tree, leave_out=[tree / "deep"])


def test_without_git_hidden_and_cached_files_stay_here(tmp_path: Path) -> None:
    for name in ("a.yaml", ".secret", "__pycache__/a.pyc", ".venv/b.py", "sub/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert names(tmp_path) == ["a.yaml", "sub/c.py"]


def test_a_copy_has_the_same_files_and_its_hash_depends_on_them_alone(tree: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in "123")
    for folder in (first, second, third):
        folder.mkdir()
    hashes = [pack(working_tree(tree), first), pack(working_tree(tree), second)]
    assert sorted(path.name for path in first.rglob("*") if path.is_file()) == [
        ".gitignore",
        "kept.py",
        "kept.yaml",
        "new.txt",
    ]
    (tree / "new.txt").write_text("old")
    assert hashes[0] == hashes[1] != pack(working_tree(tree), third)


def test_a_tree_that_is_too_large_is_refused_with_its_largest_files(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "LIMIT_MB", 0.001)
    (tree / "huge.bin").write_bytes(b"0" * 2000)
    with pytest.raises(UsageError, match=r"largest: huge\.bin \(0\.0 MB\)"):
        pack(working_tree(tree), tmp_path)


def test_a_file_outside_the_tree_is_refused(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.yaml"
    outside.write_text("")
    with pytest.raises(UsageError, match="would not reach the cluster"):
        working_tree(tree).inside(outside)
    with pytest.raises(UsageError, match="would not reach the cluster"):
        working_tree(tree).inside(tree / "ignored.bin")


def test_packages_are_pinned_to_what_is_installed_without_ray_and_builds() -> None:
    found = dict(line.split("==") for line in pinned())
    assert found["pydantic"] == importlib.metadata.version("pydantic")
    assert found["torch"] == importlib.metadata.version("torch").partition("+")[0]
    assert "markupsafe" in found, "what dependencies depend on"
    assert not {"ray", "r1ci", "pytest"} & set(found)


def test_the_command_is_one_word_each_to_a_shell() -> None:
    sent = Submission("x", ("run", "a b.yaml", "rl.lr=1"), Path("sub dir"), "/nfs/runs")
    assert sent.command == "cd 'sub dir' && exec python -m r1ci --json --root /nfs/runs run 'a b.yaml' rl.lr=1"


@pytest.mark.parametrize(("taken", "found"), [((), "a"), (("b",), "a"), (("a",), "a-2"), (("a", "a-2", "a-4"), "a-3")])
def test_an_id_that_is_taken_gets_the_next_number(taken: tuple[str, ...], found: str) -> None:
    assert job_id_after("a", taken) == found
