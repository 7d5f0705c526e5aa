"""The data directory: one process at a time, its owner only."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from sandbox.store import DataDirectory, Full, InUse, Unsafe


def test_a_directory_is_created_for_its_owner_only(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "a" / "b") as directory:
        assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in directory.path.iterdir()} == {0o600}


def test_a_second_holder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data"):
        with pytest.raises(InUse, match=f"in use by process {os.getpid()}") as refusal:
            DataDirectory(tmp_path / "data").__enter__()

        assert (refusal.value.folder, refusal.value.pid) == (tmp_path / "data", os.getpid())


def test_another_process_is_refused_and_its_attempt_leaves_the_holder_in_place(tmp_path: Path) -> None:
    attempt = "import sys, pathlib, sandbox.store as s\nwith s.DataDirectory(pathlib.Path(sys.argv[1])): pass"
    with DataDirectory(tmp_path / "data"):
        for _ in range(2):
            other = subprocess.run([sys.executable, "-c", attempt, tmp_path / "data"], capture_output=True, text=True)

            assert f"in use by process {os.getpid()}" in other.stderr


def test_a_holder_that_has_not_said_who_it_is_yet_is_refused_without_a_name(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data"):
        (tmp_path / "data" / ".pid").unlink()

        with pytest.raises(InUse, match="another process"):
            DataDirectory(tmp_path / "data").__enter__()


def test_a_directory_can_be_held_again_after_its_holder_stopped_or_was_killed(tmp_path: Path) -> None:
    killed = (
        "import os, sys, pathlib, sandbox.store as s\n"
        "s.DataDirectory(pathlib.Path(sys.argv[1])).__enter__(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", killed, tmp_path / "data"], check=False)

    for _ in range(2):
        with DataDirectory(tmp_path / "data") as directory:
            assert directory.path.is_dir()


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_a_file_system_without_real_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOSYS, "flock is not implemented")

    monkeypatch.setattr(fcntl, "flock", unsupported)

    with pytest.raises((Unsafe, NotImplementedError)):
        DataDirectory(tmp_path / "data").__enter__()


def test_a_directory_that_cannot_be_written_to_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "data" / ".pid").mkdir(parents=True)

    with pytest.raises(Full):
        DataDirectory(tmp_path / "data").__enter__()

    (tmp_path / "data" / ".pid").rmdir()
    DataDirectory(tmp_path / "data").__enter__().__exit__(None, None, None)


def test_a_directory_is_let_go_from_another_thread(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data").__enter__()

    stopping = Thread(target=directory.__exit__, args=(None, None, None))
    stopping.start()
    stopping.join()

    with DataDirectory(tmp_path / "data") as again:
        assert again.path.is_dir()


def test_a_directory_that_is_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(Unsafe, match="symbolic link"):
        DataDirectory(tmp_path / "link").__enter__()
