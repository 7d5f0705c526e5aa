"""The few things the store asks of a file system, behind one seam so that tests can crash at each of them."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from sandbox.store.troubles import Full, Unsafe

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
REPLACE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
DROPPED = ".dropped-"  # what the name of a folder begins with from when it counts as removed


class Files:
    """The real file system, for the owner only: folders are 0700 and files 0600 from their creation on."""

    def open(self, path: Path, flags: int) -> int:
        """Open or create a file, never through a symbolic link."""
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def write(self, descriptor: int, data: bytes) -> int:
        """Write once and return how many bytes were taken."""
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """Return when the file's bytes are on the disk."""
        os.fsync(descriptor)

    def truncate(self, descriptor: int, length: int) -> None:
        """Cut a file back to a length."""
        os.ftruncate(descriptor, length)

    def close(self, descriptor: int) -> None:
        """Let go of an open file."""
        os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name in one step, replacing what had that name."""
        os.replace(old, new)

    def unlink(self, path: Path) -> None:
        """Remove a file; one that is not there is as good as removed."""
        with suppress(FileNotFoundError):
            os.unlink(path)

    def fsync_folder(self, folder: Path) -> None:
        """Return when the folder's names are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, path: Path) -> bytes:
        """The whole of a file."""
        return path.read_bytes()

    def names(self, folder: Path) -> list[str]:
        """The names in a folder."""
        return os.listdir(folder)

    def mkdir(self, folder: Path) -> None:
        """Create a folder nobody else can enter; FileExistsError when something has that name."""
        os.mkdir(folder, 0o700)

    def refuse_unsafe(self, folder: Path) -> None:
        """Refuse a folder that is a symbolic link, is no folder, or belongs to someone else."""
        if folder.is_symlink():
            raise Unsafe(folder, "it is a symbolic link")
        if not folder.is_dir():
            raise Unsafe(folder, "it is not a folder")
        owner = folder.stat().st_uid
        if owner != os.getuid():
            raise Unsafe(folder, f"it belongs to user {owner}")


def make_folder(files: Files, folder: Path) -> None:
    """Create a folder, or take one that is safely ours; Unsafe for any other, Full when there is no room for it."""
    try:
        try:
            files.mkdir(folder)
        except FileExistsError:
            files.refuse_unsafe(folder)
        # Whoever created it may have been killed before its name was on the disk.
        with suppress(PermissionError):
            files.fsync_folder(folder.parent)
    except OSError as error:
        raise Full(folder) from error


def remove_folder(files: Files, folder: Path) -> None:
    """Remove a folder with all that is in it: a crash leaves it whole, or gone from under its name; else Full."""
    dropped = folder.with_name(DROPPED + folder.name)
    shutil.rmtree(dropped, ignore_errors=True)
    try:
        files.rename(folder, dropped)
        files.fsync_folder(folder.parent)
    except OSError as error:
        raise Full(folder) from error
    shutil.rmtree(dropped, ignore_errors=True)


def remove_dropped(folder: Path) -> None:
    """Remove what was on its way out of a folder when its process was killed."""
    for dropped in folder.glob(f"{DROPPED}*"):
        shutil.rmtree(dropped, ignore_errors=True)


def write_all(files: Files, descriptor: int, data: bytes) -> None:
    """Write every byte, in as many steps as the system takes."""
    while data:
        taken = files.write(descriptor, data)
        if not taken:
            raise OSError("nothing was written")
        data = data[taken:]


def write_file(files: Files, path: Path, data: bytes) -> None:
    """Write a whole file and return when it is on the disk."""
    descriptor = files.open(path, REPLACE)
    try:
        write_all(files, descriptor, data)
        files.fsync(descriptor)
    finally:
        files.close(descriptor)
