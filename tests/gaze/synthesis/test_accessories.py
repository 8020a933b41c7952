"""Things on faces: glasses that sit before the eyes, closed meshes, repeatable draws."""

import numpy as np
import pytest

from gaze.synthesis.accessory import Material, join
from gaze.synthesis.envelope import FaceEnvelope, from_cylinder, to_cylinder
from gaze.synthesis.glasses import make_glasses
from gaze.synthesis.glasses_style import SHAPES, GlassesStyle
from gaze.synthesis.hands import HandPose, make_hand
from gaze.synthesis.headphones import make_headphones
from gaze.synthesis.masks import MaskStyle, make_mask
from gaze.synthesis.mesh import LANDMARKS_68, SKIN_COUNT
from gaze.synthesis.occluders import KINDS, sample_occluder
from gaze.synthesis.solids import ellipsoid, sheet, sweep
from gaze.synthesis.wear import sample_wear

EYES = np.array([[32.0, -36.0, -84.0], [-32.0, -36.0, -84.0]])
# Where the real mesh has the landmarks that glasses, masks and hands are fitted by (head frame, mm).
MARKS = {
    0: (-73, -37, -37), 2: (-69, 5, -45), 3: (-66, 24, -52), 4: (-57, 45, -61), 8: (0, 76, -104),
    17: (-58, -52, -79), 27: (0, -37, -107), 28: (0, -26, -115), 29: (0, -16, -123), 30: (0, -4, -131),
    33: (0, 12, -116), 36: (-45, -34, -86), 62: (0, 33, -113), 48: (-25, 35, -102),
}  # fmt: skip
MIRRORED = {0: 16, 2: 14, 3: 13, 4: 12, 17: 26, 36: 45, 48: 54}


def head() -> np.ndarray:
    """A symmetric egg with a nose and ears, landmarks at their usual places; (N, 3) like the head mesh."""
    half = SKIN_COUNT // 2
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(half, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    points = direction * [76.0, 120.0, 92.0] + [0.0, -20.0, -8.0]
    nose = (np.abs(points[:, 0]) < 12) & (np.abs(points[:, 1] + 10) < 25) & (points[:, 2] < 0)
    points[nose, 2] -= 22.0 * (1.0 - np.abs(points[nose, 0]) / 12.0)
    ear = (np.abs(points[:, 1] + 22) < 22) & (np.abs(points[:, 2]) < 15)
    points[ear, 0] *= 1.2
    vertices = np.zeros((26719, 3))
    vertices[:half], vertices[half : 2 * half] = points, points * [-1.0, 1.0, 1.0]
    for number, place in MARKS.items():
        vertices[LANDMARKS_68[number]] = place
        if number in MIRRORED:
            vertices[LANDMARKS_68[MIRRORED[number]]] = np.array(place) * [-1, 1, 1]
    return vertices


def is_closed(triangles: np.ndarray) -> bool:
    """Whether every edge is met once in each direction: a closed mesh with one sense of winding."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(
        np.int64
    )
    size = int(triangles.max()) + 1
    forth, back = edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0]
    return len(np.unique(forth)) == len(forth) and np.array_equal(np.sort(forth), np.sort(back))


HEAD = head()


@pytest.mark.parametrize("seed", range(12))
def test_lenses_stand_before_the_corneas(seed):
    glasses = make_glasses(GlassesStyle.sample(np.random.default_rng(seed)), HEAD, EYES)
    vertices = glasses.lenses.vertices_mm
    apex = EYES[:, 2].mean() - 13.2  # the front of Gullstrand's cornea
    for eye in EYES:
        at_eye = np.linalg.norm(vertices[:, :2] - eye[:2], axis=1).argmin()
        distance = apex - vertices[at_eye, 2]
        assert np.linalg.norm(vertices[at_eye, :2] - eye[:2]) < 12.0
        assert 10.0 < distance < 24.0


@pytest.mark.parametrize("seed", range(8))
def test_glasses_are_symmetric_on_a_symmetric_head(seed):
    glasses = make_glasses(GlassesStyle.sample(np.random.default_rng(seed)), HEAD, EYES)
    half = len(glasses.lenses.vertices_mm) // 2
    left, right = glasses.lenses.vertices_mm[:half], glasses.lenses.vertices_mm[half:]
    assert np.allclose(left * [-1, 1, 1], right, atol=1e-3)
    frame = glasses.frame.vertices_mm
    assert np.allclose(frame[:, 0].max(), -frame[:, 0].min(), atol=0.3)
    nearest = [np.linalg.norm(frame - p * [-1, 1, 1], axis=1).min() for p in frame[::37]]
    assert max(nearest) < 1.5


@pytest.mark.parametrize("seed", range(12))
def test_lens_normals_look_outwards_and_offsets_lead_from_the_centre(seed):
    style = GlassesStyle.sample(np.random.default_rng(seed))
    lenses = make_glasses(style, HEAD, EYES).lenses
    assert (lenses.normals[:, 2] < -0.6).all()
    half = len(lenses.vertices_mm) // 2
    centres = lenses.vertices_mm - lenses.from_centre_mm
    for part in (slice(0, half), slice(half, None)):
        assert np.ptp(centres[part], axis=0).max() < 1e-3
    assert np.allclose(centres[[0, -1], :2], EYES[:, :2], atol=1e-3)
    assert -0.06 < style.shift < 0.1


def test_frames_masks_and_hands_are_closed():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        glasses = make_glasses(GlassesStyle.sample(rng), HEAD, EYES)
        things = [glasses.frame, make_mask(MaskStyle.sample(rng), HEAD), make_headphones(rng, HEAD)]
        things += sample_occluder(rng, HEAD, (0.4, 0.25, 0.2), KINDS[seed])
        for thing in things:
            assert is_closed(thing.triangles), thing.name
            assert np.allclose(np.linalg.norm(thing.normals, axis=1), 1.0, atol=1e-3), thing.name
            assert np.isfinite(thing.vertices_mm).all()


def test_swept_tube_has_the_volume_of_its_section():
    path = np.stack([np.linspace(0, 50, 9), np.zeros(9), np.zeros(9)], -1)
    part = sweep(path, [0, 1, 0], 3.0, 2.0, sides=64, square=2.0)
    a, b, c = (part.vertices[part.triangles[:, k]] for k in range(3))
    assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0 == pytest.approx(np.pi * 3 * 2 * 50, rel=0.01)
    assert is_closed(part.triangles)


def test_ellipsoid_and_sheet_are_closed_and_wound_outwards():
    ball = ellipsoid((1, 2, 3), (4, 5, 6), rows=24, columns=36)
    a, b, c = (ball.vertices[ball.triangles[:, k]] for k in range(3))
    assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0 == pytest.approx(4 / 3 * np.pi * 120, rel=0.03)
    y, x = np.mgrid[0:5, 0:7].astype(float)
    plate = join("plate", [sheet(np.stack([x * 10, y * 10, 0 * x], -1), 2.0)], Material("m", (0, 0, 0)))
    assert is_closed(plate.triangles)
    assert np.ptp(plate.vertices_mm[:, 2]) == pytest.approx(2.0)


def test_an_open_triangle_soup_is_not_closed():
    assert not is_closed(np.array([[0, 1, 2], [0, 2, 3]]))


def test_draws_repeat_and_shares_hold():
    wears = [sample_wear(np.random.default_rng(seed), HEAD, EYES) for seed in range(120)]
    again = sample_wear(np.random.default_rng(3), HEAD, EYES)
    assert wears[3].attributes == again.attributes
    glasses = [w for w in wears if w.glasses is not None]
    assert 0.2 < len(glasses) / len(wears) < 0.42
    assert all(w.glasses.style.shape in SHAPES for w in glasses)
    first, second = (
        make_glasses(GlassesStyle.sample(np.random.default_rng(5)), HEAD, EYES) for _ in range(2)
    )
    assert np.array_equal(first.frame.vertices_mm, second.frame.vertices_mm)
    assert first.style == second.style


def test_sunglasses_are_dark_and_labelled():
    for seed in range(20):
        glasses = make_glasses(GlassesStyle.sample(np.random.default_rng(seed), sun=True), HEAD, EYES)
        assert max(glasses.style.tint) < 0.4
        assert glasses.attributes["sunglasses"] is True
        clear = GlassesStyle.sample(np.random.default_rng(seed), sun=False)
        assert np.mean(clear.tint) > 0.45 and not clear.sun


def test_masks_cover_the_mouth_not_the_eyes_and_follow_the_jaw():
    for seed in range(8):
        style = MaskStyle.sample(np.random.default_rng(seed))
        mask = make_mask(style, HEAD)
        front = mask.vertices_mm[mask.vertices_mm[:, 2] < -70]
        mouth = HEAD[LANDMARKS_68[62]]
        over_mouth = np.linalg.norm(front[:, :2] - mouth[:2], axis=1) < 8.0
        assert front[over_mouth, 2].min() < mouth[2] + 12.0
        assert front[:, 1].min() > EYES[0, 1] + 3.0
        shift = np.zeros((SKIN_COUNT, 3), np.float32)
        shift[:, 1] = 5.0
        moved = mask.binding.moved(mask.vertices_mm, shift)
        assert np.allclose(moved - mask.vertices_mm, [0, 5, 0], atol=1e-3)


def test_cylinder_coordinates_return():
    points = np.random.default_rng(0).normal(size=(20, 3)) * 50
    assert np.allclose(from_cylinder(*to_cylinder(points)), points)


def test_envelope_knows_inside_from_outside():
    envelope = FaceEnvelope(HEAD)
    assert envelope.depth_inside(np.array([0.0, -30.0, -60.0])) > 20.0
    assert envelope.depth_inside(np.array([0.0, -30.0, -160.0])) < -20.0
    assert (envelope.stretched() >= envelope.radius_mm - 1.0).all()


def test_hands_touch_but_do_not_enter_the_head():
    envelope = FaceEnvelope(HEAD)
    for seed in range(8):
        for kind in ("cheek", "mouth", "temple"):
            hand = sample_occluder(np.random.default_rng(seed), HEAD, (0.4, 0.25, 0.2), kind)[0]
            assert envelope.depth_inside(hand.vertices_mm).max() < 6.0


def test_left_and_right_hands_are_mirror_images():
    left, right = (
        make_hand(HandPose((0.2,) * 5, 0.5, r), (0, 0, 0), (0, -1, 0), (0, 0, 1)) for r in (False, True)
    )
    a, b = (np.concatenate([part.vertices for part in hand]) for hand in (left, right))
    distance = np.linalg.norm(b[:, None] - (a * [-1, 1, 1])[None, ::5], axis=-1).min(0)
    assert distance.max() < 3.0
