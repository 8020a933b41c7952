"""Features that are left out: each changes what it names, and none of them the label."""

import functools
import json
from contextlib import closing

import numpy as np
import pytest

from gaze import cli
from gaze.errors import DataError, RuntimeUnavailableError, UsageError
from gaze.geometry import unit
from gaze.synthesis import shards_command
from gaze.synthesis.features import ALL_FEATURES, Features, names_of_features
from gaze.synthesis.person import Person
from gaze.synthesis.shards import prepare_folder
from tests.gaze.synthesis.plain import in_head, lid_heights, posed, target_at

SEED = 3
PICTURE = SEED * 1000


def test_what_is_left_out_can_be_named_again():
    assert ALL_FEATURES.left_out == ()
    for name in names_of_features():
        assert Features.without([name]).left_out == (name,)
    assert Features.without(["lashes", "kappa"]).left_out == ("kappa", "lashes")
    with pytest.raises(UsageError, match=r"no feature moustache; there are kappa, refraction, .*skin-detail"):
        Features.without(["moustache", "kappa"])


@pytest.fixture(scope="module")
def drawn(assets_dir, crop_renderer):
    """Draws one picture of one person without the features named: the crop, and its light (S, S, 3), before a
    camera."""
    from gaze.synthesis.crops import CropRenderer
    from gaze.synthesis.light import LightRig
    from gaze.synthesis.skin_finish import SkinFinish

    def draw(*names):
        try:
            renderer = CropRenderer(assets_dir, 224, Features.without(names))
        except RuntimeUnavailableError as error:
            pytest.skip(str(error))
        with closing(renderer), renderer.dress(SEED) as dressed:
            crop = renderer.render(dressed, PICTURE)
            middle_mm = crop.head.centres_cam_mm.mean(axis=0)
            rig = LightRig.sample(np.random.default_rng(1), renderer.environments, middle_mm)
            finish = renderer.features.of_finish(SkinFinish())
            linear = renderer.renderer.render(dressed, crop.head, crop.view, rig, finish)
            return crop, linear[..., :3]

    return functools.cache(draw)


@pytest.fixture(scope="module")
def whole(drawn):
    return drawn()


@pytest.mark.parametrize("name", names_of_features())
def test_each_changes_the_picture_and_not_the_label(drawn, whole, name):
    bare, linear = drawn(name)
    whole, whole_linear = whole
    assert (bare.image != whole.image).any()
    # Lids that follow other axes take the eyes' corners with them, and so the point that a gaze starts from.
    at_most = 0.003 if name in ("kappa", "lid-following") else 0.0
    np.testing.assert_allclose(bare.pitch_yaw_rad, whole.pitch_yaw_rad, rtol=0.0, atol=at_most)
    np.testing.assert_allclose(bare.head_pitch_yaw_rad, whole.head_pitch_yaw_rad, rtol=0.0, atol=at_most)
    # All else that is drawn by chance stays as it was.
    assert (np.abs(linear - whole_linear).max(axis=2) < 0.15 * whole_linear.mean()).mean() > 0.5


@pytest.mark.parametrize("name", ["refraction", "eye-reflections", "lashes"])
def test_what_belongs_to_the_eyes_changes_nothing_else(drawn, whole, name):
    """Further from the lids than lashes reach."""
    crop, linear = whole
    marks = crop.landmarks_px[:40]
    rows, columns = np.indices(linear.shape[:2])
    distance = np.hypot(columns[..., None] - marks[:, 0], rows[..., None] - marks[:, 1]).min(axis=2)
    changed = np.abs(drawn(name)[1] - linear).max(axis=2)
    assert changed[distance < 8].max() > 0.01
    assert not changed[distance > 25].any()


def test_without_kappa_the_optical_axes_meet_the_target(mesh, normals_of):
    for features, at_least_deg, at_most_deg in (
        (ALL_FEATURES, 1.0, 9.0),
        (Features.without(["kappa"]), 0, 1e-4),
    ):
        person = Person.sample(SEED, mesh, features)
        head = posed(mesh, normals_of, person, target_at(8, -12))
        for side in (0, 1):
            sight = unit(head.target_cam_mm - head.centres_cam_mm[side])
            off_deg = np.rad2deg(np.arccos(np.clip(sight @ head.axes_cam[side], -1, 1)))
            assert at_least_deg <= off_deg <= at_most_deg


def test_without_it_lids_stay_where_straight_eyes_have_them(mesh, normals_of):
    def heights(features):
        person = Person.sample(SEED, mesh, features)
        return np.array(
            [
                lid_heights(mesh, person, posed(mesh, normals_of, person, target_at(pitch, 0, 2000)), 0)
                for pitch in (-24, 0, 20)
            ]
        )

    still = heights(Features.without(["lid-following"]))
    assert np.ptp(still, axis=0).max() < 0.05
    assert np.ptp(heights(ALL_FEATURES), axis=0)[0] > 4.0


def test_without_it_brows_stay_too(mesh, normals_of):
    person = Person.sample(SEED, mesh, Features.without(["lid-following"]))
    low, high = (in_head(posed(mesh, normals_of, person, target_at(pitch, 0, 2000))) for pitch in (-24, 20))
    assert np.abs(low - high).max() < 0.05


def test_without_self_shadow_nothing_is_darker(drawn, whole):
    """And some places, as under the nose, are a good deal lighter."""
    gain = drawn("self-shadow")[1] - whole[1]
    assert gain.min() > -0.02 * whole[1].mean()
    assert np.percentile(gain, 99) > 0.1 * whole[1].mean()


def test_a_folder_says_what_was_left_out_and_takes_nothing_else(tmp_path, monkeypatch):
    prepare_folder(tmp_path, 112, "of the panoramas", ("kappa",))
    assert json.loads((tmp_path / "shards.json").read_text())["without"] == ["kappa"]
    with pytest.raises(DataError, match=r"other settings \(without\); give another --out"):
        prepare_folder(tmp_path, 112, "of the panoramas")


def test_the_command_hands_them_on(tmp_path, monkeypatch, capsys):
    given = []
    monkeypatch.setattr(shards_command, "read_head", lambda folder: None)
    monkeypatch.setattr(shards_command, "environments_digest", lambda folder: "of the panoramas")
    monkeypatch.setattr(
        shards_command, "render_all", lambda render_one, *rest: given.append(render_one.args) or 0
    )
    argv = ["synthesize", "shards", "--out", str(tmp_path / "out"), "--count", "1"]
    assert cli.main([*argv, "--without", "lashes", "self-shadow"]) == 0
    assert given[0][2].left_out == ("self-shadow", "lashes")
    assert json.loads((tmp_path / "out/shards.json").read_text())["without"] == ["self-shadow", "lashes"]
    with pytest.raises(SystemExit):
        cli.main([*argv, "--without", "beards"])
    assert "invalid choice: 'beards'" in capsys.readouterr().err
