"""The kernel in which notebooks run: this interpreter, whatever others are on the machine."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_utils.workers import ONE_THREAD

NAME = "python3"  # Jupyter takes the first kernel of this name on its search path
# names for which Jupyter starts its own interpreter
_OWN = ("python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}")


@contextmanager
def own_kernel() -> Iterator[None]:
    """Make this interpreter the kernel `python3` for what is started inside the block."""
    before = os.environ.get("JUPYTER_PATH", "")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "kernels" / NAME
        place.mkdir(parents=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": command, "display_name": "Python 3 (fer-utils)", "language": "python", "env": ONE_THREAD}
        (place / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (folder, before)))
        try:
            yield
        finally:
            os.environ["JUPYTER_PATH"] = before  # empty is the same as none


def foreign_kernel() -> str:
    """Return what else Jupyter would start as `python3` here; empty if that is this interpreter, or nothing."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        argv = KernelSpecManager().get_kernel_spec(NAME).argv
    except (NoSuchKernel, OSError, ValueError):
        return ""
    own = not argv or argv[0] in _OWN or Path(argv[0]).absolute() == Path(sys.executable).absolute()
    return "" if own else argv[0]
