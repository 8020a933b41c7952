"""Skin maps: colours against references, places of brows and beards, determinism."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from gaze.errors import DataError
from gaze.synthesis.beard import BeardStyle, beard_density, strand_layers
from gaze.synthesis.brows import BrowShape, brow_coverage
from gaze.synthesis.face_regions import face_regions
from gaze.synthesis.skin import height_to_normal, paint_skin
from gaze.synthesis.skin_appearance import SkinAppearance
from gaze.synthesis.skin_marks import scatter_centres
from gaze.synthesis.skin_noise import noise_field
from gaze.synthesis.skin_tone import REFERENCE_LAB, skin_srgb8
from gaze.synthesis.strands import draw_strands, grow
from gaze.synthesis.uv_atlas import UvAtlas, rasterise
from gaze.synthesis.wrinkles import wrinkle_height
from tests.gaze.synthesis.egg_head import egg_head


@pytest.fixture(scope="module")
def atlas():
    head = egg_head()
    return UvAtlas.bake(
        head.vertices_mm, head.uv, head.face_triangles, head.face_triangles, head.landmarks68, 256
    )


def painted(atlas, seed=3, **changes):
    appearance = replace(SkinAppearance.sample(np.random.default_rng(seed)), **changes)
    return appearance, paint_skin(atlas, appearance, np.random.default_rng([seed, 1]))


def lab_of(srgb8):
    """CIE L*a*b* by OpenCV, which knows nothing of the code under test."""
    pixel = (np.asarray(srgb8, np.float32) / 255.0).reshape(1, 1, 3)
    return cv2.cvtColor(pixel, cv2.COLOR_RGB2LAB)[0, 0]


def test_rasterised_plane_interpolates_exactly():
    corners = np.array([[[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]])
    values = np.concatenate([corners, corners.sum(-1, keepdims=True)], -1)
    drawn, inside = rasterise(corners, values, 64)
    rows, columns = np.nonzero(inside)
    np.testing.assert_allclose(drawn[rows, columns, 0], (columns + 0.5) / 64, atol=1e-6)
    np.testing.assert_allclose(drawn[rows, columns, 1], (rows + 0.5) / 64, atol=1e-6)
    # Half of a square of 0.8 by 0.8.
    assert inside.mean() == pytest.approx(0.32, abs=0.02)


def test_atlas_needs_landmarks_on_the_face():
    head = egg_head()
    back = np.flatnonzero(head.vertices_mm[:, 2] > 60)[:68]
    with pytest.raises(DataError, match="landmarks"):
        UvAtlas.bake(head.vertices_mm, head.uv, head.face_triangles, head.face_triangles, back, 64)


def test_flat_colours_reproduce_the_reference_skins():
    for melanin, reference in zip(np.linspace(0, 1, len(REFERENCE_LAB)), REFERENCE_LAB, strict=True):
        np.testing.assert_allclose(lab_of(skin_srgb8(melanin)), reference, atol=1.2)


def test_sampled_people_cover_light_and_dark_skin():
    people = [SkinAppearance.sample(np.random.default_rng([s, 3])) for s in range(300)]
    lightness = np.array([lab_of(p.base_srgb)[0] for p in people])
    assert lightness.min() < 30 and lightness.max() > 70
    # Individual typology angle groups by Chardon: at least a tenth each are dark (L* < 40) and light (> 65).
    assert (lightness < 40).mean() > 0.1 and (lightness > 65).mean() > 0.1
    hue = np.array([np.degrees(np.arctan2(*lab_of(p.base_srgb)[[2, 1]])) for p in people])
    assert hue.min() > 25 and hue.max() < 85


def test_painted_skin_is_near_its_base_colour(atlas):
    for melanin in (0.05, 0.5, 0.95):
        appearance, maps = painted(atlas, melanin=melanin, freckles=0.0, moles=0, beard=None, redness=0.0)
        forehead = face_regions(atlas)["forehead"] > 0.7
        mean = maps.albedo[forehead].mean(axis=0)
        assert np.abs(mean - appearance.base_srgb).max() < 14


def test_same_seed_same_maps_and_other_seed_other_maps(atlas):
    first, again, other = painted(atlas, 5)[1], painted(atlas, 5)[1], painted(atlas, 6)[1]
    for name in ("albedo", "normal", "gloss"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert (getattr(first, name) != getattr(other, name)).any()
    assert first.albedo.shape == (256, 256, 3) and first.albedo.dtype == np.uint8
    assert first.normal.dtype == np.int8 and first.gloss.dtype == np.uint8


def test_sides_differ_a_little(atlas):
    _, maps = painted(atlas, 8, moles=0, freckles=0.0, blemishes=0.0)
    inside = atlas.inside & atlas.inside[:, ::-1]
    difference = np.abs(maps.albedo.astype(float) - maps.albedo[:, ::-1].astype(float)).mean(-1)[inside]
    assert 0.3 < difference.mean() < 12.0


def test_brows_lie_above_the_eyes(atlas):
    eye_y = atlas.landmarks_mm[36:48, 1].mean()
    for seed in range(12):
        shape = BrowShape.sample(np.random.default_rng(seed), seed % 2 == 0, 30.0)
        shape = replace(shape, unibrow=0.0)
        patches = brow_coverage(atlas, shape, np.random.default_rng(seed))
        for side, (window, coverage, tone) in zip((-1, 1), patches, strict=True):
            assert np.isfinite(coverage).all() and np.isfinite(tone).all()
            position = atlas.position_mm[window]
            dense = coverage > 0.35
            assert dense.any()
            height = eye_y - position[dense][:, 1]
            assert 9 < np.median(height) < 27 and height.min() > 3
            lateral = position[dense][:, 0] * side
            assert lateral.min() > 0 and lateral.max() < 70
            assert np.ptp(lateral) > 25
            # Row 0 is the chin's end: brows lie at higher rows than the eyes.
            rows = np.nonzero(dense)[0] + window[0].start
            assert rows.min() > atlas.landmarks_texel[36:48, 1].mean()


def test_denser_and_thicker_brows_cover_more(atlas):
    shape = BrowShape.sample(np.random.default_rng(0), True, 30.0)
    thin = replace(shape, density=0.2, half_width_mm=1.6, unibrow=0.0)
    thick = replace(shape, density=0.95, half_width_mm=5.5, unibrow=0.0)
    areas = [
        sum(c.sum() for _, c, _ in brow_coverage(atlas, s, np.random.default_rng(1))) for s in (thin, thick)
    ]
    assert areas[1] > 2.5 * areas[0]


def test_beards_grow_below_the_nose_only(atlas):
    regions = face_regions(atlas)
    style = BeardStyle("full", 0.5, 0.9, 2, 0.0, 20.0)
    grown, _ = beard_density(regions, atlas, style, np.random.default_rng(0))
    nose_y = atlas.landmarks_mm[33, 1]
    middle = np.abs(regions.x_mm) < 40
    assert grown[middle & (regions.y_mm < nose_y - 6) & atlas.inside].max() < 0.05
    chin = (np.abs(regions.x_mm) < 10) & (np.abs(regions.y_mm - 64) < 5)
    assert grown[chin].mean() > 0.5
    rows, coverage, tone = strand_layers(regions, atlas, grown, 2, np.random.default_rng(1))
    assert coverage[grown[rows] == 0].max() == 0.0
    assert coverage[chin[rows]].mean() > 0.2
    assert tone.min() >= 0.0 and tone.max() <= 1.01


def test_moustache_leaves_the_chin_bare(atlas):
    regions = face_regions(atlas)
    style = BeardStyle("moustache", 0.5, 0.9, 2, 0.0, 20.0)
    grown, _ = beard_density(regions, atlas, style, np.random.default_rng(0))
    assert grown[regions.y_mm > 50].max() < 0.05
    assert grown[(np.abs(regions.x_mm - 14) < 5) & (np.abs(regions.y_mm - 21) < 2)].max() > 0.4


def test_older_faces_have_deeper_wrinkles(atlas):
    depths = []
    for age in (20.0, 75.0):
        depth = [wrinkle_height(atlas, age, np.random.default_rng(s))[0].sum() for s in range(4)]
        depths.append(np.mean(depth))
    assert depths[1] > 3.0 * depths[0]


def test_eyeliner_darkens_the_lid_margin_alone(atlas):
    appearance, _ = painted(atlas, 4, beard=None)
    plain = replace(appearance, eye_skin=replace(appearance.eye_skin, liner=0.0, lower_liner=0.0, shadow=0.0))
    lined = replace(plain, eye_skin=replace(plain.eye_skin, liner=1.0, liner_mm=2.0, wing=0.0))
    before, after = (
        paint_skin(atlas, a, np.random.default_rng(2)).albedo.astype(float).mean(-1) for a in (plain, lined)
    )
    eye, other = face_regions(atlas).eyes
    on_line = eye.upper & (eye.rim_mm > 0.4) & (eye.rim_mm < 1.2) & (np.abs(eye.along - 0.6) < 0.2)
    assert (before - after)[on_line].mean() > 30
    assert np.abs(before - after)[np.minimum(eye.rim_mm, other.rim_mm) > 6].max() == 0.0


def test_normals_of_a_slope():
    spacing = np.full((16, 16, 2), 0.5, np.float32)
    rising = np.tile(np.arange(16, dtype=np.float32) * 0.1, (16, 1))  # 0.1 mm a texel of 0.5 mm: slope 0.2
    normal = height_to_normal(rising, spacing)[4:-4, 4:-4]
    assert normal[..., 0] == pytest.approx(-127 * 0.2 / np.sqrt(1.04), abs=1.0)
    assert np.abs(normal[..., 1]).max() == 0


def test_strand_coverage_of_a_line():
    line = np.array([[[10.0, 20.0], [110.0, 20.0]]])
    coverage, toned = draw_strands((40, 128), line, np.array([0.5]), 1, levels=5)
    assert coverage.astype(float).sum() / 255 == pytest.approx(101, rel=0.6)
    assert toned.sum() / coverage.sum() == pytest.approx(0.5, abs=0.02)
    strand = grow(np.zeros((1, 2)), np.array([0.3]), np.array([8.0]), np.array([0.0]), 5)
    assert np.linalg.norm(strand[0, -1]) == pytest.approx(8.0)


def test_noise_fields_are_standard_and_tile():
    for kind in ("low", "mid", "fine", "mottle"):
        field = noise_field(np.random.default_rng(0), kind, 256)
        assert field.mean() == pytest.approx(0, abs=1e-3) and field.std() == pytest.approx(1, abs=1e-3)
    low = noise_field(np.random.default_rng(0), "low", 256)
    inner_step = np.abs(np.diff(low, axis=0)).max()
    assert np.abs(low[0] - low[-1]).max() < 2.0 * inner_step


def test_scatter_respects_its_weight():
    weight = np.zeros((64, 64), np.float32)
    weight[:, :32] = 1.0
    at = scatter_centres(weight, 100, np.random.default_rng(0))
    assert len(at) == 100 and at[:, 0].max() < 32


def test_real_mesh_has_brows_lids_and_lips_in_place(shared_dir):
    from gaze.synthesis.mesh import LANDMARKS_68, HeadMesh

    mesh = HeadMesh.load(shared_dir / "assets")
    real = UvAtlas.bake(mesh.vertices_mm, mesh.uv, mesh.face_triangles, mesh.face_triangles, LANDMARKS_68)
    assert real.inside.mean() > 0.9
    # A landmark's texel stands for its own position.
    column, row = np.round(real.landmarks_texel[30]).astype(int)
    np.testing.assert_allclose(real.position_mm[row, column], real.landmarks_mm[30], atol=1.0)
    appearance, maps = painted(real, 11, beard=None, lipstick=1.0, lipstick_srgb=(200.0, 20.0, 40.0))
    lip = maps.albedo[np.round(real.landmarks_texel[57, 1]).astype(int) + 3, 256].astype(int)
    assert lip[0] - lip[1] > 80
    height = [
        real.landmarks_mm[36:48, 1].mean() - np.median(real.position_mm[window][coverage > 0.4][:, 1])
        for window, coverage, _ in brow_coverage(real, appearance.brows, np.random.default_rng(0))
    ]
    assert min(height) > 10 and max(height) < 26
