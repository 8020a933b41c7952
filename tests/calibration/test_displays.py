import dataclasses
import sys

import numpy as np
import pytest
from gaze_people import laptop

from calibration.card_check import CARD_MM, CardCheck, agree
from calibration.displays import Display, choose_display, from_drm, parse_edid, parse_xrandr, size_problem
from calibration.scene import draw
from gaze.errors import CalibrationError, UsageError

XRANDR = """Screen 0: minimum 320 x 200, current 4480 x 1440, maximum 16384 x 16384
HDMI-1 connected 2560x1440+1920+0 (normal left inverted right x axis y axis) 597mm x 336mm
   2560x1440     59.95*+
eDP-1 connected primary 1920x1080+0+0 (normal left inverted right x axis y axis) 344mm x 194mm
   1920x1080     60.00*+  40.00
DP-2 connected 1080x1920+4480+-100 left (normal left inverted right x axis y axis) 527mm x 296mm
DP-3 disconnected (normal left inverted right x axis y axis)
VIRTUAL connected 1280x720+0+0 0mm x 0mm
"""


def edid(width=1920, height=1080, width_mm=344, height_mm=194, cm=(34, 19)):
    """A block as VESA E-EDID 1.4 lays it out; only what is read is filled in."""
    data = bytearray(128)
    data[:8] = b"\x00\xff\xff\xff\xff\xff\xff\x00"
    data[21:23] = bytes(cm)
    data[54], data[55] = 0x01, 0x1D  # a pixel clock, so that it is a timing
    data[56], data[58] = width & 0xFF, (width >> 8) << 4
    data[59], data[61] = height & 0xFF, (height >> 8) << 4
    data[66], data[67], data[68] = width_mm & 0xFF, height_mm & 0xFF, (width_mm >> 8) << 4 | height_mm >> 8
    data[127] = -sum(data[:127]) % 256
    return bytes(data)


def test_xrandr_lists_the_main_display_first():
    displays = parse_xrandr(XRANDR)
    assert [display.name for display in displays] == ["eDP-1", "HDMI-1", "DP-2", "VIRTUAL"]
    assert displays[0] == Display("eDP-1", 1920, 1080, 0, 0, 344.0, 194.0)
    assert (displays[1].x_px, displays[1].y_px) == (1920, 0)
    # Turned on its side: the size turns with it.
    assert (displays[2].width_mm, displays[2].height_mm, displays[2].y_px) == (296.0, 527.0, -100)
    assert not displays[0].size_problem()
    assert displays[3].size_problem() == "it does not say how large it is"


def test_edid_is_read():
    assert parse_edid(edid()) == (1920, 1080, 344.0, 194.0)
    assert parse_edid(edid(3840, 2160, 600, 340)) == (3840, 2160, 600.0, 340.0)
    # Without a size in the timing the one in whole centimetres counts.
    assert parse_edid(edid(width_mm=0, height_mm=0))[2:] == (340.0, 190.0)


def test_broken_edid_is_refused():
    with pytest.raises(CalibrationError, match="without its header"):
        parse_edid(b"")
    spoiled = bytearray(edid())
    spoiled[60] ^= 1
    with pytest.raises(CalibrationError, match="checksum"):
        parse_edid(bytes(spoiled))


def test_kernel_list_skips_what_is_not_connected(tmp_path):
    for name, status, block in (
        ("card0-eDP-1", "connected", edid()),
        ("card0-DP-1", "disconnected", b""),
        ("card0-DP-2", "connected", b""),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "status").write_text(status + "\n")
        (folder / "edid").write_bytes(block)
    assert from_drm(tmp_path) == [Display("eDP-1", 1920, 1080, 0, 0, 344.0, 194.0)]
    assert from_drm(tmp_path / "absent") == []


@pytest.mark.parametrize(
    ("px", "mm", "problem"),
    [
        ((1920, 1080), (344.0, 194.0), ""),
        ((1920, 1080), (0.0, 0.0), "does not say"),
        ((0, 1080), (344.0, 194.0), "its resolution is 0x1080"),
        ((1920, 1080), (160.0, 90.0), "states its shape"),
        ((1920, 1080), (344.0, 344.0), "pixels would not be square"),
        ((1920, 1080), (34.4, 19.4), "dots per inch"),
    ],
)
def test_sizes_are_checked_before_they_are_believed(px, mm, problem):
    found = size_problem(px, mm)
    assert problem in found
    assert bool(found) == bool(problem)


def test_display_is_chosen_by_number_or_name():
    displays = parse_xrandr(XRANDR)
    assert choose_display(displays, None).name == "eDP-1"
    assert choose_display(displays, "1").name == "HDMI-1"
    assert choose_display(displays, "dp-2").name == "DP-2"
    with pytest.raises(UsageError, match=r"no display '9'; there are 0 \(eDP-1\)"):
        choose_display(displays, "9")
    with pytest.raises(CalibrationError, match="--resolution WxH and --size-mm"):
        choose_display([], None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="xrandr is Linux's")
def test_a_missing_xrandr_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CalibrationError, match="install xrandr"):
        choose_display([], None)


def test_card_on_the_screen_gives_its_size():
    """On a 344 mm wide screen of 1920 px a card of 85.6 mm is 478 px wide."""
    check = CardCheck((1920, 1080))
    while check.card_px < 470:
        check.press("up")
    while check.card_px != 478:
        check.press("right" if check.card_px < 478 else "left")
    assert not check.done
    picture = draw(check.scene())
    row = picture[round(1080 * 0.55)]
    columns = np.flatnonzero((row > 200).all(axis=1))
    assert columns.max() - columns.min() == pytest.approx(478 - 1, abs=1)
    check.press("space")
    assert check.done
    assert check.size_mm == pytest.approx((478 and 1920 * CARD_MM[0] / 478, 1080 * CARD_MM[0] / 478))
    assert check.size_mm[0] == pytest.approx(344, abs=0.5)


def test_outline_stays_on_the_screen():
    check = CardCheck((640, 480), width_mm_guess=344.0)
    for _ in range(200):
        check.press("up")
    assert check.card_px <= 608
    for _ in range(200):
        check.press("down")
    assert check.card_px == 40
    check.press(None)
    check.press("x")


def test_card_and_display_that_disagree_are_named():
    agree((340.0, 191.0), (344.0, 194.0))
    with pytest.raises(CalibrationError, match="is 300 mm wide, the display says 344 mm"):
        agree((300.0, 169.0), (344.0, 194.0))


def test_a_display_is_known_again_by_its_size():
    screen = laptop()
    assert not Display("a", 1920, 1080).differs_from(screen)
    assert not Display("a", 1920, 1080, 0, 0, 340.0, 190.0).differs_from(screen)
    assert Display("a", 1920, 1080, 0, 0, 598.0, 336.0).differs_from(screen)
    assert Display("a", 2560, 1440, 0, 0, 344.0, 194.0).differs_from(screen)
    # One that was measured with a ruler because its own word is wrong says the same as before.
    measured = dataclasses.replace(screen, stated_width_mm=598.0)
    assert not Display("a", 1920, 1080, 0, 0, 598.0, 336.0).differs_from(measured)
    with pytest.raises(CalibrationError, match="stated_width_mm must be a number of at least 0"):
        dataclasses.replace(screen, stated_width_mm=-1.0)
