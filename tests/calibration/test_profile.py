import json

import numpy as np
import pytest
from gaze_people import calibrated_person

from calibration.displays import Display
from calibration.person import KINDS, fit
from calibration.profile import MIRROR_MARK, Profile
from calibration.samples import condense
from calibration.simulated_person import PLAIN
from gaze.camera import Camera
from gaze.errors import CalibrationError

CAMERA = Camera([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]], [0.1, -0.2, 0, 0, 0], 1280, 720)
SHA = "ab" * 32


def profile(kind="auto"):
    samples, *_, screen = calibrated_person(2, PLAIN)
    return Profile(
        person="Ada",
        created="2025-01-01T12:00:00",
        camera=CAMERA,
        screens=(screen,),
        model_name="net",
        model_sha256=SHA,
        correction=fit(condense(samples, screen), kind),
        camera_device="Some Webcam",
        accuracy={"after": {"accuracy_deg": 0.9}},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_saved_profile_corrects_as_the_fitted_one(tmp_path, kind):
    path = tmp_path / "profile.json"
    made = profile(kind)
    made.save(path)
    read = Profile.load(path)
    rows = np.random.default_rng(0).normal(0, 0.1, (20, 5))
    assert read.correction.kind == kind
    assert read.correction.offset_rad(rows) == pytest.approx(made.correction.offset_rad(rows), abs=1e-12)
    assert read.correction.covariance_rad2(rows) == pytest.approx(made.correction.covariance_rad2(rows))
    assert read.screen.to_json() == made.screen.to_json()
    assert (read.person, read.camera_device, read.accuracy) == ("Ada", "Some Webcam", made.accuracy)


def test_drift_is_kept(tmp_path):
    path = tmp_path / "profile.json"
    made = profile("offset").drifted((0.01, -0.02)).drifted((0.01, 0.0))
    made.save(path)
    assert Profile.load(path).correction.drift_rad == pytest.approx((0.02, -0.02))
    moved = made.correction.offset_rad(np.zeros((1, 5))) - profile("offset").correction.offset_rad(
        np.zeros((1, 5))
    )
    assert moved[0] == pytest.approx([0.02, -0.02])


def test_profile_that_fits_is_accepted():
    profile().refuse_unless_fits(
        CAMERA, SHA, "Some Webcam", [Display("a", 800, 600), Display("b", 1920, 1080)]
    )
    profile().refuse_unless_fits(CAMERA, SHA)  # a recording: no device and no display to compare
    almost = Camera(CAMERA.K * [[1.002], [1.002], [1]], CAMERA.distortion, 1280, 720)
    profile().refuse_unless_fits(almost, SHA)


@pytest.mark.parametrize(
    ("camera", "sha", "device", "displays", "message"),
    [
        (Camera.from_hfov(90.0, 1280, 720), SHA, "", None, "the camera differs: .* degrees apart"),
        (CAMERA.resized(640, 360), SHA, "", None, "resolution differs: calibrated at 1280x720, now 640x360"),
        (Camera(CAMERA.K, [], 1280, 720), SHA, "", None, "the camera differs"),
        (CAMERA, "cd" * 32, "", None, "the network differs: calibrated with net .*abab.*now cdcd"),
        (CAMERA, SHA + MIRROR_MARK, "", None, "made without the mean .*give --no-average-mirror"),
        (CAMERA, SHA, "Other Webcam", None, "calibrated with Some Webcam, now Other Webcam"),
        (
            CAMERA,
            SHA,
            "",
            [Display("HDMI-1", 2560, 1440)],
            "screen differs: calibrated on panel 1920x1080 px .*HDMI-1 2560x1440",
        ),
        (CAMERA, SHA, "", [], "connected now: none"),
        (
            CAMERA,
            SHA,
            "",
            [Display("HDMI-1", 1920, 1080, 0, 0, 598.0, 336.0)],
            "on panel 1920x1080 px on 344x194 mm, connected now: HDMI-1 1920x1080 px on 598x336 mm",
        ),
    ],
)
def test_profile_of_something_else_is_refused_with_the_reason(camera, sha, device, displays, message):
    with pytest.raises(CalibrationError, match=message) as caught:
        profile().refuse_unless_fits(camera, sha, device, displays)
    assert "gaze calibrate person" in str(caught.value)


def test_all_differences_are_named_at_once():
    with pytest.raises(CalibrationError) as caught:
        profile().refuse_unless_fits(CAMERA.resized(640, 360), "cd" * 32, "Other", [Display("a", 1, 1)])
    for word in ("network", "resolution", "Other", "screen"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text[:300], "is not JSON"),
        (lambda text: "", "is not JSON"),
        (lambda text: "[" * 100_000, "nested too deeply"),
        (lambda text: "[]", "is not a gaze.profile/1 file"),
        (lambda text: text.replace("gaze.profile/1", "gaze.profile/9"), "found 'gaze.profile/9'"),
        (lambda text: text.replace('"Ada"', '"Eve"'), "was edited"),
        (lambda text: text.replace('"width_mm": 344.0', '"width_mm": 345.0'), "was edited"),
    ],
)
def test_damaged_profile_is_refused(tmp_path, edit, message):
    path = tmp_path / "profile.json"
    profile().save(path)
    path.write_text(edit(path.read_text()))
    with pytest.raises(CalibrationError, match=message):
        Profile.load(path)


def signed(content):
    """The content with the digest it would have been saved with."""
    from calibration.profile import _digest

    content.pop("digest", None)
    return json.dumps({**content, "digest": _digest(content)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["camera"].update(K=[[1, 2], [3, 4]]), "K must be 3x3"),
        (lambda c: c.update(screens=[]), "at least one screen"),
        (lambda c: c["screens"][0].update(height_px=0), "height_px must be positive"),
        (lambda c: c["correction"]["prior"].update(kind="spline"), "unknown correction model"),
        (lambda c: c["correction"]["looks"]["sd_rad"].pop(), "looks.features must be finite"),
        (lambda c: c["correction"].update(residual_covariance_rad2=[1.0]), "must be 2x2"),
        (lambda c: c.pop("model"), "'model'"),
        (lambda c: c["correction"].update(drift_rad=["a", "b"]), "drift_rad must be a number"),
        (lambda c: c["correction"].update(drift_rad=[float("nan"), 0]), "drift_rad must be a number"),
        (lambda c: c["correction"].update(drift_rad=5), "cannot be used"),
        (lambda c: c["correction"].update(frame_sd_rad=-1.0), "frame_sd_rad must be a number of at least 0"),
        (lambda c: c["correction"].update(frame_sd_rad=1e30), "frame_sd_rad must be .* at most 1000, got 1e"),
        (lambda c: c["correction"]["looks"]["features"][0].__setitem__(0, 1e30), "looks.features must be"),
        (lambda c: c["correction"]["residual_covariance_rad2"][0].__setitem__(0, 1e30), "must be 2x2"),
        (lambda c: c["correction"].update(prior=None), "cannot be used"),
        (lambda c: c["screens"][0].update(width_mm=1e-300), "width_mm must be positive, 1 to 1,000,000"),
        (lambda c: c["screens"][0].update(t_cam_mm=[1e30, 0, 0]), "t_cam_mm must be three mm"),
        (lambda c: c["camera"]["K"][0].__setitem__(0, 1e-300), "no lens has focal lengths of 1e-300"),
        (lambda c: c["camera"].update(width=1e30), "width must be a positive whole number"),
        (lambda c: c["correction"]["prior"].update(floor_rad="wide"), "prior.floor_rad must be a number"),
        (lambda c: c["correction"]["prior"].update(wave_length_rad=0), "wave_length_rad must be above 0"),
        (lambda c: c["correction"]["prior"].update(colour=1.0), "cannot be used"),
        (
            lambda c: c["correction"]["looks"].update(
                sd_rad=[-1.0] * len(c["correction"]["looks"]["sd_rad"])
            ),
            "sd_rad must not be negative",
        ),
        (lambda c: c.update(accuracy=5), "cannot be used"),
    ],
)
def test_profile_of_another_program_is_refused_not_believed(tmp_path, change, message):
    path = tmp_path / "profile.json"
    profile().save(path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(signed(content))
    with pytest.raises(CalibrationError, match=message):
        Profile.load(path)


def test_missing_profile_names_the_command(tmp_path):
    with pytest.raises(CalibrationError, match="gaze calibrate person --out"):
        Profile.load(tmp_path / "absent.json")


def test_an_option_that_does_not_belong_to_the_profile_is_named():
    with pytest.raises(CalibrationError, match="drop the option --model, where it was given"):
        profile().refuse_unless_fits(CAMERA, "cd" * 32)
    with pytest.raises(CalibrationError, match="drop the options --hfov, --camera and --size"):
        profile().refuse_unless_fits(Camera.from_hfov(90.0, 1280, 720), SHA)
