import io

from deploy.bench.progress import progress_line


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_line_is_written_over_and_wiped(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress_line(12) as say:
        say(3, "frames of a long name")
        say(4, "frames")
    assert terminal.getvalue() == "\r3/12 frames of a long name\033[K\r4/12 frames\033[K\r\033[K"


def test_nothing_is_written_into_a_file(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    with progress_line(12) as say:
        say(3, "frames")
    assert log.getvalue() == ""
