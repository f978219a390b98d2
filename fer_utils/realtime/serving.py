"""Starts JupyterLab or Voila on the demo's notebook, for this machine alone."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from fer_utils import paths
from fer_utils.errors import StudyError
from fer_utils.kernels import own_kernel
from fer_utils.models import litert
from fer_utils.realtime.streaming import Recognizer

NOTEBOOK = "07_webcam_demo.ipynb"
PAGE = paths.ASSETS / "demo_page.ipynb"  # the demo alone: all that Voila shows
# Voila's template asks a content delivery network for a font; the browser is told to fetch nothing from elsewhere
ALLOWED = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "connect-src 'self' ws://localhost:* ws://127.0.0.1:*; frame-ancestors 'self'"
)


class NoDelay(ZMQChannelsWebsocketConnection):
    """A kernel's connection to the page whose small messages leave at once.

    Without this the system waits some 40 ms for more to send with them (Nagle's algorithm), and the demo has half as
    many round trips a second.
    """

    def connect(self):
        """Connect, and send small messages at once."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


def command(app: bool = False) -> list[str]:
    """Return the command line of the server, which listens on localhost only.

    JupyterLab keeps its token; Voila, which has none by default, gets one. Raises StudyError if the notebook or Voila
    is not there.
    """
    notebook = PAGE if app else paths.notebooks() / NOTEBOOK
    if not notebook.is_file():
        raise StudyError(f"{notebook}: not there; run from a clone, or set FER_ROOT to one")
    connection = f"kernel_websocket_connection_class={__name__}.{NoDelay.__name__}"
    if not app:
        options = ["--ip=127.0.0.1", f"--ServerApp.{connection}"]
        if os.name == "posix" and os.geteuid() == 0:  # as in a container, where there may be no other user
            options.append("--allow-root")
        return [sys.executable, "-m", "jupyterlab", *options, str(notebook)]
    if importlib.util.find_spec("voila") is None:
        raise StudyError("voila is not installed: pip install 'fer-utils[demo]', or leave --app out")
    options = ["--Voila.ip=127.0.0.1", "--Voila.auto_token=True", f"--Voila.{connection}"]
    options.append(f"--Voila.tornado_settings={ {'headers': {'Content-Security-Policy': ALLOWED}}!r}")
    # seconds: a page that is closed cannot end its kernel, of some 0.9 GB, so one without a page is ended
    options += ["--MappingKernelManager.cull_interval=10", "--MappingKernelManager.cull_idle_timeout=30"]
    return [sys.executable, "-m", "voila", *options, str(notebook)]


def serve(app: bool = False, model: Path | None = None) -> int:
    """Run the server until it is interrupted, and return its exit status.

    `model` is an exported classifier that takes the place of the one that ships. Raises ModelFileError if it does not
    fit, before anything is started.
    """
    environment = {}
    if model is not None:
        model = paths.expand_user(model)
        Recognizer(litert.LiteClassifier(model))
        environment["FER_MODEL"] = str(model.resolve())
    with own_kernel():
        server = subprocess.Popen(command(app), env={**os.environ, **environment})
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.terminate()  # stands for a second Ctrl-C, which the server would ask for
            server.wait()
            raise
