"""The demo in a real browser: headless Chromium, whose camera shows a rendered actor going through expressions."""

import collections
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import cv2
import nbformat
import pandas as pd
import pytest

from fer_utils import paths
from fer_utils.realtime import serving
from fer_utils.realtime.demo import SOURCES
from tests.standins import reel

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install 'fer-utils[test]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")

LEAD = 4  # seconds
CAMERA_RATE = 30  # frames a second at which Chromium plays a file of JPEGs as its camera
SECONDS = 1000.0  # in the browser's milliseconds
PATIENCE = 60 * SECONDS  # for machines that do much else
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
]
# keeps what the page opened of the camera, and every label that it showed
SPY = """(() => {
  window.tracks = [];
  window.shown = [];
  const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    if (window.refusal) throw new DOMException("no", window.refusal);
    const stream = await open(wanted);
    window.tracks.push(...stream.getTracks());
    return stream;
  };
  new MutationObserver((changes) => {
    const seen = document.querySelector(".fer-camera")?.dataset;
    if (seen?.frames) window.shown.push({ ...seen });
  }).observe(document, { subtree: true, attributeFilter: ["data-frames", "data-rate"] });
})()"""
OFF = "window.tracks.every((track) => track.readyState === 'ended')"
FRAMES = "+(document.querySelector('.fer-camera')?.dataset.frames ?? 0)"
KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"


@pytest.fixture(scope="module")
def camera_file(tmp_path_factory):
    """What Chromium's camera shows, over and over: JPEGs one after the other."""
    file = tmp_path_factory.mktemp("camera") / "actor.mjpeg"
    with file.open("wb") as stream:
        for number, (image, _) in enumerate(reel.pictures(fps=CAMERA_RATE)):
            jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
            # a stream takes the face that it sees first for the one at rest, and a busy machine may start it late
            stream.write(jpeg * (1 if number else CAMERA_RATE * LEAD))
    return file


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a copy of the notebook, for servers that write beside it."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "notebooks").mkdir()
    notebook = nbformat.read(paths.notebooks() / serving.NOTEBOOK, as_version=4)
    # the clip's cells need no browser, and take their time each time that a kernel is started again
    notebook.cells = [cell for cell in notebook.cells if not cell.source.startswith(("seen =", "figure ="))]
    nbformat.write(notebook, folder / "notebooks" / serving.NOTEBOOK)
    return folder


@pytest.fixture(scope="module")
def serve(home):
    """serve(app): the address of a server that `fer demo` would start, with its own settings and a known token."""
    started = []

    def start(app):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FER_ROOT", str(home))
            command = serving.command(app)
        command += [f"--port={port}", "--IdentityProvider.token=known"] if not app else [f"--port={port}"]
        command += ["--Voila.token=known"] if app else ["--allow-root", "--expose-app-in-browser"]
        folders = {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
        folders |= {f"JUPYTERLAB_{kind}_DIR": str(home / kind) for kind in ("SETTINGS", "WORKSPACES")}
        environment = {**os.environ, **folders, "IPYTHONDIR": str(home / "ipython"), "FER_RUNS": str(home / "runs")}
        environment["PYTHONPATH"] = os.pathsep.join([str(Path(serving.__file__).parents[2]), *sys.path])
        log = home / f"server-{app}.log"
        with log.open("wb") as stream:
            server = subprocess.Popen([*command, "--no-browser"], env=environment, stdout=stream, stderr=stream)
        started.append(server)
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{address}/api?token=known" if not app else f"{address}/static/", timeout=5)
                break
            except urllib.error.HTTPError:  # Voila is there, and has no such page
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.3)
        return f"{address}/lab/tree/{serving.NOTEBOOK}?token=known&reset" if not app else f"{address}/?token=known"

    yield start
    for server in started:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def browser(camera_file):
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=[*FLAGS, f"--use-file-for-fake-video-capture={camera_file}"]
        )
        context = chromium.new_context(viewport={"width": 1280, "height": 1000}, permissions=["camera"])
        context.add_init_script(SPY)
        context.set_default_timeout(PATIENCE)
        yield context
        chromium.close()


@pytest.fixture(scope="module")
def lab(serve):
    return serve(app=False)


@pytest.fixture(scope="module")
def opened(browser, lab):
    """The notebook in JupyterLab after Run All; the camera is off."""
    page = browser.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(lab)
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext")
    page.evaluate("""async () => {
        const notebook = jupyterapp.shell.currentWidget;
        await notebook.context.ready;
        await notebook.sessionContext.ready;
        await notebook.sessionContext.session.kernel.info;
        await jupyterapp.commands.execute("notebook:run-all-cells");
    }""")
    page.wait_for_selector(".fer-camera", timeout=3 * PATIENCE)
    assert page.evaluate("window.tracks.length") == 0  # it never turns the camera on by itself
    return page


@pytest.fixture
def page(opened):
    """The notebook with the widget on show, its camera off before and after."""
    page = opened
    if page.evaluate("!document.querySelector('.fer-camera')"):
        run_again(page)
    page.evaluate("window.refusal = ''; window.shown.length = 0; window.tracks.length = 0")
    page.evaluate("document.querySelector('.fer-camera').scrollIntoView({ block: 'center' })")
    yield page
    if page.evaluate("!document.querySelector('.fer-buttons [data-part=stop]:enabled')") is False:
        page.click("[data-part=stop]:enabled")
    page.wait_for_function(OFF)
    if page.evaluate("document.querySelector('.fer-camera')?.dataset.source") not in (None, "browser"):
        choose_source(page, "this browser's camera")  # also after a test that failed
    assert page.errors == []


def run_again(page):
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function("document.querySelector('.fer-camera')?.dataset.state === 'idle'", timeout=3 * PATIENCE)


def start(page):
    before = page.evaluate(FRAMES)
    page.click("[data-part=start]")
    page.wait_for_function(f"{FRAMES} > {before} + 5")


def state(page):
    return page.get_attribute(".fer-camera", "data-state")


def in_kernel(page, code):
    """Run code in the notebook's kernel, and return what it printed."""
    return page.evaluate(
        f"""async (code) => {{
            let text = "";
            const future = {KERNEL}.requestExecute({{ code }});
            future.onIOPub = (message) => (text += message.content.text ?? message.content.evalue ?? "");
            await future.done;
            return text;
        }}""",
        code,
    ).strip()


def second_page(browser, lab, page):
    """Another page on the notebook and kernel of `page`."""
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")  # its outputs are read from the file
    other = browser.new_page()
    other.goto(lab.replace("&reset", ""))
    other.wait_for_selector(".fer-camera [data-part=start]")
    return other


def choose_source(page, label):
    """Choose where pictures come from, and wait until the kernel has told the camera."""
    page.select_option(".widget-dropdown:has(label:text('Source')) select", label=label)
    page.wait_for_selector(f".fer-camera[data-source={SOURCES[label]}]")


def test_the_right_labels_win(page):
    start(page)  # everything is loaded now, and the camera begins again when it is opened again
    page.click("[data-part=stop]")
    page.wait_for_function(OFF)
    page.evaluate("window.shown.length = 0")
    start(page)
    if picture := os.environ.get("FER_SCREENSHOT"):  # FER_SCREENSHOT=figures/demo.png makes the README's figure again
        page.wait_for_timeout(10 * SECONDS)
        page.wait_for_selector(".fer-camera[data-emotion='happiness'][data-phase='apex']")
        page.wait_for_timeout(0.1 * SECONDS)
        page.locator(".jp-OutputArea-output:has(.fer-camera)").screenshot(path=picture)
    take = reel.REST + reel.RISE + reel.HOLD + reel.FALL
    # once around and one expression more: wherever the camera's loop was, each is seen as a whole
    page.wait_for_timeout(((len(reel.SHOWN) + 1) * take + 2 * reel.REST + LEAD) * SECONDS)
    shown = page.evaluate("window.shown")
    assert sum(each["found"] == "true" for each in shown) > 0.95 * len(shown)
    winners = collections.Counter()
    for away, episode in itertools.groupby(shown, lambda each: each["phase"] in ("onset", "apex")):
        named = collections.Counter(each["emotion"] for each in episode if each["emotion"])
        if away and named:
            winners[named.most_common(1)[0][0]] += 1
    assert len(set(winners) & set(reel.SHOWN)) >= 2
    assert sum(winners[emotion] for emotion in reel.SHOWN) > winners.total() / 2


def test_stop_and_start_again(page):
    start(page)
    assert state(page) == "live" and not page.evaluate(OFF)
    page.click("[data-part=stop]")
    page.wait_for_function(OFF)
    assert state(page) == "stopped"
    start(page)
    assert state(page) == "live"


def test_off_after_the_cell_is_run_again_and_after_its_output_is_cleared(page):
    start(page)
    run_again(page)
    assert page.evaluate("window.tracks.length") == 1 and page.evaluate(OFF)
    start(page)
    page.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.wait_for_function(OFF)
    assert page.evaluate("window.tracks.length") == 2


def test_off_after_the_page_is_closed(browser, lab, page):
    other = second_page(browser, lab, page)
    start(other)
    assert in_kernel(page, "print(demo.Demo._former.live._recognizer is not None)") == "True"
    other.close(run_before_unload=False)
    newest = "print(demo.Demo._former.live._recognizer and demo.Demo._former.live._recognizer._time)"
    for _ in range(30):  # the page's last word may not arrive: then nothing else does
        before = in_kernel(page, newest)
        page.wait_for_timeout(1 * SECONDS)
        if (after := in_kernel(page, newest)) == before:
            break
    assert after == before


def test_the_page_started_last_has_the_stream(browser, lab, page):
    other = second_page(browser, lab, page)
    start(page)
    other.bring_to_front()
    start(other)
    page.wait_for_function(OFF)
    assert "another page" in page.inner_text(".fer-note")
    other.close()
    page.bring_to_front()


@pytest.mark.parametrize(
    ("name", "words"),
    [("NotAllowedError", "allow it"), ("NotFoundError", "No camera was found"), ("NotReadableError", "other programs")],
)
def test_refusals_are_readable(page, name, words):
    page.evaluate("(name) => { window.refusal = name }", name)
    page.click("[data-part=start]")
    page.wait_for_function("document.querySelector('.fer-camera').dataset.state === 'error'")
    assert words in page.inner_text(".fer-note")


def test_insecure_pages_say_so(page):
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined, configurable: true })")
    page.click("[data-part=start]")
    page.wait_for_function("document.querySelector('.fer-camera').dataset.state === 'error'")
    assert "https://" in page.inner_text(".fer-note")
    page.evaluate("delete navigator.mediaDevices")


def test_a_camera_that_is_taken_away(page):
    start(page)
    page.evaluate("window.tracks.forEach((track) => track.dispatchEvent(new Event('ended')))")
    page.wait_for_function(OFF)
    assert "taken away" in page.inner_text(".fer-note")


def test_the_rendered_clip_and_a_kernel_without_camera(page):
    choose_source(page, "the rendered clip")
    start(page)
    page.wait_for_function("document.querySelector('.fer-camera').dataset.found === 'true'")
    # a picture has no width until it is decoded
    page.wait_for_function(f"document.querySelector('.fer-stage img').naturalWidth === {reel.SIZE[0]}")
    page.click("[data-part=stop]")
    page.wait_for_function("document.querySelector('.fer-camera').dataset.state === 'stopped'")
    in_kernel(page, "demo.Demo._former.camera.device = 99")
    choose_source(page, "a camera at the kernel")
    page.click("[data-part=start]")
    page.wait_for_function("document.querySelector('.fer-camera').dataset.state === 'error'")
    assert "no camera 99" in page.inner_text(".fer-note")
    assert page.evaluate("window.tracks.length") == 0


def test_start_at_once_after_another_source_was_chosen(page):
    page.evaluate("""() => {
        const labelled = (box) => box.querySelector("label")?.textContent === "Source";
        const box = [...document.querySelectorAll(".widget-dropdown")].find(labelled);
        const select = box.querySelector("select");
        select.value = "the rendered clip";
        select.dispatchEvent(new Event("change", { bubbles: true }));
        document.querySelector("[data-part=start]").click();
    }""")
    page.wait_for_selector(".fer-camera[data-source=clip][data-state=live][data-found=true]")
    page.wait_for_function(OFF)


def test_only_record_writes_and_no_picture_is_kept(page, home):
    start(page)
    assert not list(home.glob("runs/**/*.csv"))
    page.click("button:has-text('Record')")
    page.wait_for_function(f"{FRAMES} > {page.evaluate(FRAMES)} + 15")
    page.click("button:has-text('Record')")
    page.wait_for_selector("text=/frames in .*recording_/")
    (file,) = home.glob("runs/**/*.csv")
    table = pd.read_csv(file)
    assert len(table) >= 10 and table["time"].is_monotonic_increasing and table["face"].mean() > 0.9
    assert 0 < table["x33"].mean() < table["x263"].mean() < 320
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(SECONDS)
    saved = nbformat.read(home / "notebooks" / serving.NOTEBOOK, as_version=4)
    outputs = [output for cell in saved.cells for output in cell.get("outputs", [])]
    assert not any("image/jpeg" in output.get("data", {}) for output in outputs)
    state = str(saved.metadata.get("widgets", ""))
    assert "/9j/" not in state  # how a JPEG begins in base64


def test_off_when_the_kernel_hangs(page):
    in_kernel(page, "demo.Demo._former.camera.patience = 3")
    kernel = int(in_kernel(page, "import os; print(os.getpid())"))
    start(page)
    os.kill(kernel, signal.SIGSTOP)
    try:
        page.wait_for_function(OFF)
        assert "kernel does not answer" in page.inner_text(".fer-note")
    finally:
        os.kill(kernel, signal.SIGCONT)


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_off_after_the_kernel_is(page, how):
    kernel = int(in_kernel(page, "import os; print(os.getpid())"))
    start(page)
    if how == "killed":
        os.kill(kernel, signal.SIGKILL)
    else:
        page.evaluate(f"() => {KERNEL}.restart()")
    page.wait_for_function(OFF)
    page.wait_for_function("document.querySelector('.fer-camera')?.dataset.state !== 'live'")
    if how == "killed":
        page.click(".jp-Dialog button:has-text('Ok')")
    page.evaluate(f"async () => {{ await {KERNEL}.info }}")
    run_again(page)
    start(page)


def test_as_a_page_without_code(browser, serve):
    """The demo comes first, and nothing is asked of another machine: the browser refuses what the template asks for."""
    pytest.importorskip("voila", reason="no voila: pip install 'fer-utils[demo]'")
    page, elsewhere = browser.new_page(), []
    page.on("request", lambda request: "//127.0.0.1:" in request.url or elsewhere.append(request))
    page.goto(serve(app=True), timeout=3 * PATIENCE)
    page.wait_for_selector(".fer-camera [data-part=start]", timeout=3 * PATIENCE)
    assert "demo.Demo(" not in page.content()
    assert page.locator(".fer-camera").bounding_box()["y"] < page.viewport_size["height"] / 2
    start(page)
    page.wait_for_function("document.querySelector('.fer-camera').dataset.found === 'true'")
    left = [request for request in elsewhere if request.url.startswith("http")]
    assert {request.failure for request in left} <= {"csp"}, [request.url for request in left]
    page.close()
