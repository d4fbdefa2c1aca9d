"""Files that take the place of others: complete, or not at all, and the old ones as they were.

Whatever is written is written into a folder beside its place, which only the user may open, brought
to the disk, and then renamed. A lock says that its process lives; what a killed one left is removed
by the next that writes a file of the same name.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from nearspace.errors import NearspaceError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = [
    "check_empty",
    "check_place",
    "clear_leftovers",
    "filling",
    "replacing",
    "sync",
    "tell_written",
    "write_files",
    "written_listener",
]

_listener: contextvars.ContextVar[Callable[[Path], None] | None] = contextvars.ContextVar(
    "written_listener", default=None
)
LONGEST = 200  # bytes of a name that stand in the name of the folder beside; systems allow 255
ACL = "system.posix_acl_access"
NO_FILES = {
    stat.S_ISDIR: "folder", stat.S_ISFIFO: "named pipe", stat.S_ISSOCK: "socket",
    stat.S_ISCHR: "device", stat.S_ISBLK: "device",
}  # fmt: skip


def check_place(path: str | Path) -> Path:
    """Return where a file is to stand: at its path, or where a link there leads.

    Nothing is made or changed by asking.

    Parameters
    ----------
    path : str or Path
        What is to be written. A link is followed to a file of the same ending, which is replaced;
        the link stays.

    Returns
    -------
    Path
        The file, which may be there or not.

    Raises
    ------
    NearspaceError
        If something stands there that is not a file, or a file that may only be read; if a link
        leads nowhere or to another kind of file; or if its folder, or the nearest above it that
        exists, cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_place(f"{folder}/new/report.html").name
    ...     check_place(folder)
    Traceback (most recent call last):
    ...
    nearspace.errors.NearspaceError: ... is a folder; expected the name of a file to write.
    """
    path = Path(path)
    with _told(path):
        place = _place(path)
        if path.is_symlink() and place.suffix.lower() != path.suffix.lower():
            raise NearspaceError(
                f"{path} is a link to {place}, another kind of file, which stays as it is; remove "
                "the link, or give another name."
            )
        mode = _mode_of(path)
        if mode is not None:
            for is_one, name in NO_FILES.items():
                if is_one(mode):
                    raise NearspaceError(
                        f"{path} is a {name}; expected the name of a file to write."
                    )
            # Another process may have removed it since, as one that clears a cache does.
            if not (mode & 0o222 and os.access(place, os.W_OK)) and place.exists():
                raise NearspaceError(
                    f"{path} may only be read (its rights are {stat.S_IMODE(mode):03o}); give "
                    "another name, or the right to write."
                )
        _check_folder(path, place.parent)
    return place


def _mode_of(path: Path) -> int | None:
    """Return the mode of what stands at a path, or None where nothing does."""
    try:
        return path.stat().st_mode if path.exists() else None
    except FileNotFoundError:  # removed between the two
        return None


def check_empty(path: str | Path) -> Path:
    """Return where a new folder is to stand: at its path, or where a link there leads.

    Raises
    ------
    NearspaceError
        If the folder holds anything, is none, or cannot be made.
    """
    path = Path(path)
    with _told(path):
        place = _place(path)
        if place.exists() and not place.is_dir():
            raise NearspaceError(f"{path} is not a folder; give a new one.")
        if place.exists() and any(place.iterdir()):
            raise NearspaceError(f"{path} is not empty; give a new folder.")
        _check_folder(path, place.parent)
    return place


@contextlib.contextmanager
def replacing(path: str | Path, put: Callable[[Path, Path], object] = os.replace) -> Iterator[Path]:
    r"""Yield where to write a file that then takes the place of another.

    The file is complete or not there. It has the rights of the one it replaces; until then only the
    user may read it. Folders on the way to it are made.

    Parameters
    ----------
    path : str or Path
        The file: see `check_place`.
    put : callable
        Takes the complete file beside and its place, and puts it there.

    Yields
    ------
    Path
        An empty file of the same name, to be written.

    Raises
    ------
    NearspaceError
        If `check_place` does, or the disk is full; the old file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "found.csv")
    ...     with replacing(path) as beside:
    ...         _ = beside.write_text("id\n7\n")
    ...     path.read_text()
    'id\n7\n'
    """
    path, place = Path(path), check_place(path)
    with _told(path), _made(place.parent), _beside(place) as folder:
        beside = folder / place.name
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        usual = stat.S_IMODE(beside.stat().st_mode)
        beside.chmod(0o600)
        yield beside
        _take_rights(beside, place, usual)
        sync(beside)
        try:
            put(beside, place)
        finally:  # Ctrl-C may come when it is there already
            if not beside.exists() or (place.exists() and os.path.samefile(beside, place)):
                tell_written(path)
        with contextlib.suppress(OSError):  # it is in place, and some systems sync no names
            sync(place.parent)


def write_files(files: Mapping[str | Path, str | bytes]) -> None:
    """Write files that belong together: all are complete before the first takes its place.

    Parameters
    ----------
    files : mapping of str or Path to str or bytes
        What each is to hold; text becomes UTF-8.

    Raises
    ------
    NearspaceError
        As by `replacing`; the old files are then as they were.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_files({Path(folder, "a.json"): "{}", Path(folder, "a.npy"): b"..."})
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['a.json', 'a.npy']
    """
    with contextlib.ExitStack() as stack:
        for path, data in files.items():
            beside = stack.enter_context(replacing(path))
            with _told(Path(path)):
                # What is no Unicode, as in some names of files, is written as JSON escapes it.
                text = data.encode(errors="backslashreplace") if isinstance(data, str) else data
                beside.write_bytes(text)
                sync(beside)


@contextlib.contextmanager
def filling(path: str | Path) -> Iterator[Path]:
    """Yield a folder whose content then moves into a new or an empty one, all of it or nothing.

    Raises
    ------
    NearspaceError
        If the folder holds anything, is none, or cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with filling(f"{folder}/new") as beside:
    ...         _ = (beside / "1.txt").write_text("one")
    ...     [path.name for path in Path(folder, "new").iterdir()]
    ['1.txt']
    """
    path, place = Path(path), check_empty(path)
    with _told(path), _made(place), _beside(place) as folder:
        yield folder
        for file in folder.rglob("*"):
            sync(file)
        check_empty(path)  # nothing is overwritten, and no link is followed
        moved = []
        try:
            for file in sorted(folder.iterdir()):
                moved.append(file.rename(place / file.name))
            tell_written(path)
        except BaseException:
            for file in moved:
                file.rename(folder / file.name)
            raise
        with contextlib.suppress(OSError):
            sync(place)


@contextlib.contextmanager
def written_listener(listener: Callable[[Path], None]) -> Iterator[None]:
    """Call ``listener(path)`` for every file that is other than before, as soon as it is.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, written_listener(lambda p: print(p.name)):
    ...     write_files({Path(folder, "a.json"): "{}"})
    a.json
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell_written(path: str | Path) -> None:
    """Tell the listener, where there is one, that a file is other than before."""
    listener = _listener.get()
    if listener is not None:
        listener(Path(path))


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows keeps names by itself
        return
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the system says against writing a file into one sentence."""
    try:
        yield
    except OSError as error:
        there = False
        with contextlib.suppress(OSError):
            there = path.exists()
        kept = "; what it held before is as it was" if there else ""
        raise NearspaceError(
            f"{path} cannot be written ({error.strerror or error}){kept}."
        ) from error


def _place(path: Path) -> Path:
    """Return where a path leads; raise if it, or a folder above it, is a link to nothing."""
    try:
        named = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        named = False
    if not named:
        raise NearspaceError(f"{path} cannot be written: no file can have such a name.")
    for each in (path, *path.parents):
        if each.is_symlink() and not each.exists():
            raise NearspaceError(
                f"{each} is a link that leads nowhere (to {os.readlink(each)}); remove it, or give "
                "another name."
            )
    return Path(os.path.realpath(path))


def _check_folder(path: Path, folder: Path) -> None:
    """Raise if nothing can be written into a folder, or the nearest above it that is there."""
    above = next(each for each in (folder, *folder.parents) if each.exists())
    if not above.is_dir():
        raise NearspaceError(f"{path} cannot be written ({above} is not a folder).")
    tempfile.TemporaryFile(dir=above).close()


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; what was made goes again where nothing comes of it."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for each in missing:
            with contextlib.suppress(OSError):
                each.rmdir()
        raise


@contextlib.contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Yield a new folder beside a place, which only the user may open, and which goes again."""
    name = place.name
    while len(os.fsencode(name)) > LONGEST:
        name = name[1:]
    clear_leftovers(place.parent, name)
    while True:
        folder = place.with_name(f".{name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            folder.mkdir(0o700)
            lock: contextlib.AbstractContextManager[object] | None
            try:
                lock = _locked(folder)
            except OSError:  # the file system has no locks, and so nobody clears what is here
                lock = contextlib.nullcontext()
            if lock is None:  # it was cleared before it was locked
                continue
            with lock:
                (folder / "new").mkdir(0o700)
                yield folder / "new"
            return
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def clear_leftovers(parent: Path, name: str | None = None) -> None:
    """Remove what killed processes left in a folder, and nothing of those that live.

    What they left of the file of one name, where one is given.
    """
    which = ".+" if name is None else re.escape(name)
    ours = re.compile(rf"\.{which}\.\d+-[0-9a-f]{{8}}\.part", re.DOTALL)
    with contextlib.suppress(OSError):  # a folder that may not be listed, or no locks
        for folder in parent.iterdir():
            if not ours.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
                continue
            lock = _locked(folder)
            if lock is not None:
                with lock:
                    if os.name == "nt":  # which removes no open file
                        lock.close()
                    shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> IO[bytes] | None:
    """Return the lock of a folder beside, held until it is closed; None where another holds it."""
    path = folder / "lock"
    try:
        lock = path.open("ab")
        try:
            if _lock(lock) and os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                return lock
        except OSError:
            lock.close()
            raise
    except FileNotFoundError:  # it was cleared
        return None
    lock.close()
    return None


def _lock(file: IO[bytes]) -> bool:
    """Lock an open file for as long as it is open; return whether it is not another's."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _take_rights(file: Path, place: Path, usual: int) -> None:
    """Give a new file the rights of the one it is to replace, or what is usual, never more."""
    try:
        old = place.stat()
    except FileNotFoundError:
        file.chmod(usual)
        return
    mode = stat.S_IMODE(old.st_mode)
    if os.name == "posix":
        with contextlib.suppress(PermissionError):
            os.chown(file, old.st_uid, -1)
        try:
            os.chown(file, -1, old.st_gid)
            _take_acl(file, place)
        except OSError:
            mode &= ~0o070  # they were another group's
    file.chmod(mode)


def _take_acl(file: Path, place: Path) -> None:
    """Give a file the list of who else may open it of another, where the system keeps one."""
    if sys.platform == "linux":
        if ACL in os.listxattr(place):
            os.setxattr(file, ACL, os.getxattr(place, ACL))
        elif ACL in os.listxattr(file):
            os.removexattr(file, ACL)
