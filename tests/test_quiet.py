"""What is held back from standard error, and what is not."""

import os
import subprocess
import sys

import pytest

from fer_utils.quiet import native_logs_hidden
from tests.clips import patterned, record

LOGS = (
    b"I0000 00:00:1733000000.123456  4242 gl_context.cc:369] GL version: 3.2\n",
    b"W0000 00:00:1733000000.123456  4242 inference_feedback_manager.cc:114] Feedback manager requires\n",
    b"E0000 00:00:1733000000.123456  4242 cuda_executor.cc:1228] INTERNAL: CUDA Runtime error\n",
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n",
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n",
    b"WARNING: Logging before InitGoogleLogging() is written to STDERR\n",
)
OTHERS = (
    b"Segmentation fault is near\n",
    b"F0000 00:00:1733000000.123456  4242 check.cc:1] Check failed\n",
    b"WARNING: the disk is almost full\n",
    b"  I0000 00:00 quoted\n",
    b"no newline at its end",
)


def test_log_lines_are_dropped_and_the_rest_passed_on_in_order(capfd):
    mixed = [line for pair in zip(LOGS, (*OTHERS[:4], b"", b""), strict=True) for line in pair]
    with native_logs_hidden():
        os.write(2, b"".join(mixed) + OTHERS[4])
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err.encode() == b"".join(OTHERS)


def test_where_the_block_raises_nothing_is_lost(capfd):
    with pytest.raises(ValueError, match="broken"), native_logs_hidden():
        os.write(2, LOGS[0] + OTHERS[0] + LOGS[3])
        raise ValueError("broken")
    assert capfd.readouterr().err.encode() == LOGS[0] + OTHERS[0] + LOGS[3]


def test_afterwards_log_lines_are_shown_again_and_no_descriptor_is_left(capfd):
    def next_free():
        descriptor = os.dup(2)
        os.close(descriptor)
        return descriptor

    before = next_free()
    with native_logs_hidden(), native_logs_hidden():
        os.write(2, LOGS[1] + OTHERS[2])
    assert next_free() == before
    os.write(2, LOGS[1])
    assert capfd.readouterr().err.encode() == OTHERS[2] + LOGS[1]


def test_pythons_own_standard_error_and_child_processes_are_passed_on():
    code = (
        "import os, sys; from fer_utils.quiet import native_logs_hidden\n"
        "print('before', end=' ', file=sys.stderr)\n"
        "with native_logs_hidden():\n"
        "    print('inside', file=sys.stderr); sys.stderr.flush()\n"
        "    os.system('echo child 1>&2; echo I0000 00:00 log 1>&2')\n"
        "    print('after the child', file=sys.stderr)\n"
        "print('after', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["before inside", "child", "after the child", "after"]


class TestEncodings:
    """Terminals that cannot show every sign, in processes of their own."""

    @staticmethod
    def run(encoding, *arguments, cwd):
        environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
        code = "import sys; from fer_utils.cli import main; sys.exit(main())"
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, env=environment, cwd=cwd)
        out, error = (text.decode(encoding.partition(":")[0]) for text in (done.stdout, done.stderr))
        assert "Traceback" not in error, error
        return done.returncode, out, error

    @pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "cp932", "cp1252"])
    def test_the_doctor_writes_in_any(self, tmp_path, encoding):
        status, out, _ = self.run(encoding, "doctor", cwd=tmp_path)
        assert status in (0, 1) and "SHA-256 64184e229b26" in out

    @pytest.mark.parametrize(("encoding", "name"), [("cp932", r"\u0141\xf3d\u017a.mp4"), ("utf-8", "Łódź.mp4")])
    def test_a_file_of_any_name_is_predicted(self, tmp_path, encoding, name):
        record(tmp_path / "Łódź.mp4", [patterned(0)] * 3)
        status, out, _ = self.run(encoding, "predict", "Łódź.mp4", cwd=tmp_path)
        assert status == 0 and (tmp_path / "Łódź.csv").is_file()
        assert out.startswith(f"{name}: no face in any of 3 frames")

    def test_an_error_is_one_line(self, tmp_path):
        status, _, error = self.run("ascii:strict", "predict", "Łódź….mp4", cwd=tmp_path)
        assert status == 2 and error.startswith(r"fer: \u0141\xf3d\u017a\u2026.mp4: no such file")
