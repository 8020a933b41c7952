"""Eyes cut out of crops and compared: against drawn faces whose light is known."""

import json

import cv2
import numpy as np
import pytest
from made_shards import write_shard

from gaze import cli
from gaze.errors import DataError
from gaze.synthesis.compare_command import picture
from gaze.synthesis.compare_crops import comparable_rows, real_crops, rendered_crops
from gaze.synthesis.eye_patches import (
    HEIGHT_PX,
    INNER_PX,
    OUTER_PX,
    WIDTH_PX,
    comparable,
    eye_patches,
    light_at,
)
from gaze.types import LANDMARK_COUNT, Face

# Right eye's outer and inner corner, left eye's inner and outer one, cheeks.
POINTS = {33: (120, 200), 133: (190, 205), 362: (260, 205), 263: (330, 200), 50: (140, 300), 280: (310, 300)}


def drawn(cheek=0.4, mark=0.1):
    """A face of even light with a darker disc on each inner corner, and its landmarks."""
    light = np.full((448, 448, 3), cheek, np.float64)
    for corner in (133, 362):
        cv2.circle(light, POINTS[corner], 8, (mark,) * 3, -1)
    landmarks = np.full((LANDMARK_COUNT, 2), 224.0)
    for index, point in POINTS.items():
        landmarks[index] = point
    image = np.rint(255 * light ** (1 / 2.2)).astype(np.uint8)
    return image, Face(np.array([100.0, 150, 350, 350]), landmarks, np.ones(2))


def test_the_light_of_a_place_in_stops_against_the_cheek():
    image, face = drawn()
    patches = eye_patches(image, face)
    assert len(patches) == 2
    inner, outer = (tuple(int(v) for v in point) for point in (INNER_PX, OUTER_PX))
    for patch in patches:
        assert patch.shape == (HEIGHT_PX, WIDTH_PX, 3)
        # log2 of a quarter, with the black level of 0.005 in both.
        np.testing.assert_allclose(light_at(patch, inner), np.log2(0.105 / 0.405), atol=0.05)
        np.testing.assert_allclose(light_at(patch, outer), 0.0, atol=0.03)


def test_both_eyes_are_laid_over_each_other():
    image, face = drawn()
    image[:, :224] = image[:, 448:223:-1]  # the right half as the left one's mirror image
    mirrored = face.landmarks_px.copy()
    for right, left in ((33, 263), (133, 362), (50, 280)):
        mirrored[right] = [447 - mirrored[left, 0], mirrored[left, 1]]
    first, second = eye_patches(image, Face(face.box_px, mirrored, face.eye_open))
    np.testing.assert_allclose(first, second, atol=0.05)


def test_an_eye_without_a_cheek_in_the_picture_is_left_out():
    image, face = drawn()
    landmarks = face.landmarks_px.copy()
    landmarks[280] = [460.0, 300.0]
    assert len(eye_patches(image, Face(face.box_px, landmarks, face.eye_open))) == 1


def test_crops_of_any_size_are_compared_at_one_sharpness():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (56, 56, 3), np.uint8)
    for size in (448, 672):
        fine = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_NEAREST)
        assert comparable(fine).shape == (448, 448, 3)
        reduced = cv2.resize(fine, (224, 224), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(comparable(fine), comparable(reduced))


def test_which_rendered_crops_are_compared():
    bare = {
        "glasses": "", "sunglasses": False, "mask": False, "held": "", "grid_px": 300, "scene": "room",
        "eye_open": [0.9, 0.8],
    }  # fmt: skip
    others = [
        {"glasses": "round"}, {"mask": True}, {"held": "cup"}, {"grid_px": 90}, {"scene": "dark"},
        {"eye_open": [0.9, 0.2]},
    ]  # fmt: skip
    crops = [bare, *({**bare, **other} for other in others), bare]
    head = np.zeros((len(crops), 2))
    head[-1] = np.deg2rad([0.0, 40.0])
    assert comparable_rows(crops, head).tolist() == [0]


def test_the_picture_shows_where_real_eyes_are_darker():
    real, rendered = np.full((2, HEIGHT_PX, WIDTH_PX, 3), -1.0, np.float32)
    real[:45] = -2.0
    shown = picture(real, rendered)
    difference = shown[:, -shown.shape[1] // 3 :]
    assert difference[50, 300].argmax() == 0  # blue
    assert shown[50, 100, 0] < shown[400, 100, 0]


@pytest.mark.parametrize("kind", ["missing", "empty", "not square"])
def test_folders_without_crops_are_named(tmp_path, kind, capsys):
    folder = tmp_path / "real"
    if kind != "missing":
        folder.mkdir()
    if kind == "not square":
        cv2.imwrite(str(folder / "a.png"), np.zeros((40, 60, 3), np.uint8))
    options = ["--images", str(folder), "--shards", str(tmp_path)]
    assert cli.main(["synthesize", "compare", *options]) == 1
    assert ("square" if kind == "not square" else "give a folder") in capsys.readouterr().err


def test_shards_without_attributes_are_named(tmp_path):
    write_shard(tmp_path, faces=np.zeros((1, 8, 8, 3), np.uint8), attributes=[{"glasses": ""}])
    with pytest.raises(DataError, match="lacks the attribute 'sunglasses'; render it again"):
        list(rendered_crops(tmp_path, 5))


def test_real_crops_come_in_the_order_of_their_names(tmp_path):
    for name, grey in (("b.png", 20), ("a.jpg", 10), ("notes.txt", 0)):
        if name.endswith("txt"):
            (tmp_path / name).write_text(json.dumps(grey))
        else:
            cv2.imwrite(str(tmp_path / name), np.full((8, 8, 3), grey, np.uint8))
    assert [int(crop.image.mean()) for crop in real_crops(tmp_path)] == [10, 20]
    (tmp_path / "labels.csv").write_text("file,pitch_rad,yaw_rad\nb.png,-0.125,0.5\n")
    ((image, pitch_rad),) = (
        (c.image, c.gaze_pitch_rad) for c in real_crops(tmp_path, tmp_path / "labels.csv")
    )
    assert (int(image.mean()), pitch_rad) == (20, -0.125)
