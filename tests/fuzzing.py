"""Mutations of valid files, read by a child process: a crash or a hang there is an outcome like any other."""

import contextlib
import multiprocessing
import os
import random
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

PATIENCE = 60  # seconds beyond its time after which a child is said to hang
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


def fuzz(readers: Mapping[str, Reader], home: Path, seconds: float) -> None:
    """Give each reader its files, one of them mutated at a time, for so many seconds.

    Asserts that whole files are taken and some of the others refused; that nothing raises, crashes or hangs; and that
    no file appears or changes outside a reader's own folder, where temporary files go or where the process works.
    """
    for name in ("inside", "work", "temporary"):
        (home / name).mkdir()
    (home / "bystander").write_text("as it was")
    inside, now = home / "inside", home / "inside" / "now"
    before = listing(home)
    child = multiprocessing.get_context("spawn").Process(target=_child, args=(readers, home, seconds))
    child.start()
    child.join(len(readers) * seconds + PATIENCE)
    hangs = child.is_alive()
    if hangs:
        child.kill()
        child.join()
    outcome = "hangs" if hangs else f"ended with {child.exitcode}"
    assert child.exitcode == 0, f"{inside}: {outcome} at {now.read_text()}"
    assert listing(home) == before
    for name in readers:
        taken, refused = map(int, (inside / f"{name}.counts").read_text().split())
        assert taken + refused >= 5, f"{name}: too few files read to say anything"
        assert refused > 0, name


def listing(home: Path) -> dict[str, str]:
    """All that is under a folder, but inside its folder `inside`, with digests."""
    found = {}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if not name.startswith("inside/"):
            found[name] = sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return found


def _child(readers: Mapping[str, Reader], home: Path, seconds: float) -> None:
    inside = home / "inside"
    os.chdir(home / "work")
    tempfile.tempdir = str(home / "temporary")
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for name, reader in readers.items():
        (inside / "now").write_text(name)
        try:
            (inside / f"{name}.counts").write_text(_try(reader, inside / name, seconds))
        except BaseException:
            (inside / "now").write_text(f"{name}: {traceback.format_exc()}")
            os._exit(1)


def _try(reader: Reader, folder: Path, seconds: float) -> str:
    draw, counts = random.Random(1), {True: 0, False: 0}
    folder.mkdir()
    files = {path: path.read_bytes() for path in reader.write(folder)}
    assert reader.read(folder) is True, "whole files are refused"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        path = draw.choice(list(files))
        path.write_bytes(reader.change(files[path], draw))
        counts[reader.read(folder)] += 1
        path.write_bytes(files[path])
    return f"{counts[True]} {counts[False]}"
