"""Mutations of valid files, read by a child process: a crash or a hang there is an outcome like any other."""

import contextlib
import multiprocessing
import os
import random
import tempfile
import traceback
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

PATIENCE = 60  # seconds, and one for each file, after which a child is said to hang
MEMORY = 12 * 2**30  # bytes of addresses: a file that asks for more is to be refused
EXTREMES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF, *b'09-.,;:"<>[]{}/\\\n\r')


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Some bytes changed, cut off, left out, put in, doubled or moved; those at the ends, where headers are, most."""
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
        near = draw.choice((64, 1024, len(data) + 1))
        at = min(draw.randrange(near), len(data))
        at = draw.choice((at, at, len(data) - at))
        length = draw.choice((1, 1, 2, 4, 8, 64, 1024))
        part = data[at : at + length]
        kind = draw.choice(("change", "extreme", "extreme", "cut", "drop", "insert", "double", "move"))
        if kind == "change":
            data[at : at + length] = bytes(byte ^ draw.randrange(1, 256) for byte in part)
        elif kind == "extreme":
            data[at : at + length] = bytes([draw.choice(EXTREMES)]) * len(part)
        elif kind == "cut":
            del data[at:]
        elif kind == "drop":
            del data[at : at + length]
        elif kind == "insert":
            data[at:at] = draw.randbytes(length)
        elif kind == "double":
            data[at:at] = part * draw.choice((1, 2, 100))
        else:
            del data[at : at + length]
            to = draw.randrange(len(data) + 1)
            data[to:to] = part
    return bytes(data)


class Reader(NamedTuple):
    """`write(folder)` writes whole files and returns those to be mutated; `read(folder)` says whether the files were
    taken, and raises where an outcome is not allowed."""

    write: Callable[[Path], list[Path]]
    read: Callable[[Path], bool]
    change: Callable[[bytes, random.Random], bytes] = mutated


def fuzz(readers: Mapping[str, Reader], home: Path, files: int) -> None:
    """Give each reader its files, one of them mutated at a time, so many times.

    Asserts that whole files are taken and some of the others refused; that nothing raises, crashes or hangs; and that
    no file appears or changes outside a reader's own folder, where temporary files go or where the process works.
    """
    for name in ("inside", "work", "temporary"):
        (home / name).mkdir()
    (home / "bystander").write_text("as it was")
    inside, now = home / "inside", home / "inside" / "now"
    before = listing(home)
    child = multiprocessing.get_context("spawn").Process(target=_child, args=(readers, home, files))
    child.start()
    child.join(len(readers) * files + PATIENCE)
    hangs = child.is_alive()
    if hangs:
        child.kill()
        child.join()
    outcome = "hangs" if hangs else f"ended with {child.exitcode}"
    assert child.exitcode == 0, f"{inside}: {outcome} at {now.read_text()}"
    assert listing(home) == before
    for name in readers:
        assert 0 < int((inside / f"{name}.refused").read_text()) <= files, name


def listing(home: Path) -> dict[str, str]:
    """All that is under a folder, but inside its folder `inside`, with digests."""
    found = {}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if not name.startswith("inside/"):
            found[name] = sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return found


def _child(readers: Mapping[str, Reader], home: Path, files: int) -> None:
    inside = home / "inside"
    os.chdir(home / "work")
    tempfile.tempdir = str(home / "temporary")
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for name, reader in readers.items():
        (inside / "now").write_text(name)
        try:
            (inside / f"{name}.refused").write_text(str(_refused(reader, inside / name, files)))
        except BaseException:
            (inside / "now").write_text(f"{name}: {traceback.format_exc()}")
            os._exit(1)


def _refused(reader: Reader, folder: Path, files: int) -> int:
    draw, refused = random.Random(1), 0
    folder.mkdir()
    whole = {path: path.read_bytes() for path in reader.write(folder)}
    assert reader.read(folder) is True, "whole files are refused"
    for _ in range(files):
        path = draw.choice(list(whole))
        path.write_bytes(reader.change(whole[path], draw))
        refused += not reader.read(folder)
        path.write_bytes(whole[path])
    return refused
