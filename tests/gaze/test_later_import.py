import subprocess
import sys

import pytest

from gaze.later_import import imported_later

# The standard library's that nothing else here imports.
MODULE, PACKAGE, PART = "colorsys", "wsgiref", "wsgiref.util"


@pytest.fixture(autouse=True)
def not_imported_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (MODULE, PACKAGE, PART):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_module_is_loaded_at_its_first_use() -> None:
    with imported_later(MODULE):
        import colorsys
    assert MODULE not in sys.modules
    assert colorsys.rgb_to_hsv(1.0, 0.0, 0.0) == (0.0, 1.0, 1.0)
    assert MODULE in sys.modules


def test_module_is_used_within() -> None:
    with imported_later(MODULE):
        import colorsys

        assert colorsys.rgb_to_hsv(0.0, 0.0, 0.0) == (0.0, 0.0, 0.0)
        from colorsys import hsv_to_rgb
    assert hsv_to_rgb(0.0, 1.0, 1.0) == (1.0, 0.0, 0.0)


def test_part_of_a_package() -> None:
    with imported_later(PACKAGE, PART):
        import wsgiref.util as part
    assert PACKAGE not in sys.modules
    assert part.guess_scheme({}) == "http"


def test_part_of_a_package_that_is_imported() -> None:
    import wsgiref

    with imported_later(PACKAGE, PART):
        import wsgiref.util as part
    assert sys.modules[PACKAGE] is wsgiref
    assert PART not in sys.modules
    assert part.guess_scheme({}) == "http"


def test_another_part_is_imported_within() -> None:
    with imported_later(PACKAGE):
        from wsgiref import util
    assert util.guess_scheme({}) == "http"
    assert hasattr(sys.modules[PACKAGE], "__path__")


def test_what_is_imported_stays() -> None:
    import colorsys

    with imported_later(MODULE):
        assert sys.modules[MODULE] is colorsys
    assert sys.modules[MODULE] is colorsys


def test_module_that_is_not_there_is_told_at_its_first_use() -> None:
    with imported_later("no_such_module_at_all"):
        import no_such_module_at_all
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        _ = no_such_module_at_all.anything


def test_nothing_stays_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), imported_later(MODULE):
        raise ZeroDivisionError
    assert MODULE not in sys.modules


def test_landmarks_do_without_what_mediapipe_imports_for_drawing_and_sound() -> None:
    if not hasattr(pytest.importorskip("mediapipe"), "solutions"):
        pytest.skip("this mediapipe has no models built in")
    script = """
import sys
from gaze.landmarks import create_detector
create_detector().close()
print(*sorted({"matplotlib", "matplotlib.pyplot", "sounddevice"} & set(sys.modules)))
import mediapipe
import matplotlib.pyplot
print(mediapipe.solutions.drawing_utils.plt.figure is matplotlib.pyplot.figure)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["", "True"]
