"""What a study shows while it runs, in a file and on a terminal."""

import io

from fer_utils.study.progress import Progress

LOG = "I0000 00:00:1795671832.043829   32705 cudart_stub.cc:31] Could not find cuda drivers on your machine\n"
BAR = "\rfolds:  30%|███       | 3/10 [00:23<00:44,  6.40s/fold]"


def a_study(progress):
    with progress:
        progress.start("01_extract_landmarks", "mmi")
        progress.write(LOG[:20])
        progress.write(LOG[20:] + BAR)
        progress.write("\n" + LOG + "a note\n")
        progress.end("01_extract_landmarks", "PASS", 12.4)
        progress.start("05_real_time", "")
        progress.end("05_real_time", "FAIL: no camera", 3)


def test_in_a_file_there_is_a_line_a_notebook(capfd):
    a_study(Progress(["01_extract_landmarks", "05_real_time"]))
    assert capfd.readouterr().err.splitlines() == [
        "      a note",
        "[1/2] 01_extract_landmarks mmi  12 s  PASS",
        "[2/2] 05_real_time  3 s  FAIL: no camera",
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_one_bar_says_what_runs_and_how_far_it_is(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    a_study(Progress(["01_extract_landmarks", "05_real_time"], terminal))
    shown = terminal.getvalue()
    assert "cudart" not in shown and "fold]" not in shown
    assert "[1/2] 01_extract_landmarks mmi · folds 3/10" in shown
    assert "study  44% |" in shown and "study 100% |" in shown  # 4 and 5 of 9 parts of the time
    assert "[2/2] 05_real_time  3 s  FAIL: no camera\n" in shown
