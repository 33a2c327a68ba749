"""What a trial prints: where it goes, how much is kept, and that printing is as before when it is over."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from automl import trial_log


def test_all_that_is_printed_is_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python, a child and bare bytes print into the file, after what it had; the terminal has what came after."""
    monkeypatch.setattr(sys, "stdout", open(1, "w", closefd=False))  # noqa: SIM115
    log = tmp_path / "log"
    log.write_text("before\n")

    with trial_log.written_to(log):
        print("python", flush=True)
        os.system("echo child")
        os.write(1, b"\xff\x00\n")
    print("after", flush=True)

    assert log.read_bytes() == b"before\npython\nchild\n\xff\x00\n"
    assert capfd.readouterr().out == "after\n"


def test_the_middle_of_a_long_log_is_dropped_and_counted(tmp_path: Path) -> None:
    """Begin and end are kept, however often it grows; what is there and what was dropped make the whole."""
    log = tmp_path / "log"
    whole = b"".join(b"%09d\n" % number for number in range(3 * trial_log.MOST // 10))
    log.write_bytes(whole[: 2 * trial_log.MOST])

    trial_log.limit(log)
    with log.open("ab") as file:
        file.write(whole[2 * trial_log.MOST :])
    trial_log.limit(log)
    trial_log.limit(log)

    kept = log.read_bytes()
    (line,) = re.findall(rb"\n\.\.\. (\d+) bytes dropped \.\.\.\n", kept)
    assert len(kept) < trial_log.MOST
    begin, _, end = kept.partition(b"\n... ")
    assert whole.startswith(begin)
    assert whole.endswith(end.partition(b"...\n")[2])
    assert len(kept) - len(b"\n... %s bytes dropped ...\n" % line) + int(line) == len(whole)


@pytest.mark.parametrize("close", [lambda: os.close(1), lambda: sys.stdout.close()], ids=["descriptor", "stream"])
def test_a_closed_output_is_open_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, close: object
) -> None:
    """Whether the descriptor or the stream was closed: the next one prints into its own log."""
    monkeypatch.setattr(sys, "stdout", open(1, "w", closefd=False))  # noqa: SIM115
    monkeypatch.setattr(sys, "stderr", open(2, "w", closefd=False))  # noqa: SIM115

    with trial_log.written_to(tmp_path / "first"):
        close()  # type: ignore[operator]
    with trial_log.written_to(tmp_path / "second"):
        print("second")

    assert (tmp_path / "second").read_text() == "second\n"


def test_the_last_failure_is_found(tmp_path: Path) -> None:
    """Its lines only; what a trial printed before and an earlier failure are left out, and no log is no failure."""
    log = tmp_path / "log"
    trial_log.keep_failure(log, "first")
    with log.open("a") as file:
        file.write("printed\n")
    trial_log.keep_failure(log, "second\nof two lines\n")

    assert trial_log.last_failure(log) == ("second", "of two lines")
    assert trial_log.last_failure(tmp_path / "none") == ()
