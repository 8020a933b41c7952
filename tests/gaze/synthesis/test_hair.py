"""Hair and headwear geometry: places, sizes, determinism."""

from dataclasses import replace

import numpy as np
import pytest

from gaze.synthesis.hair import HairBuilder
from gaze.synthesis.hair_parts import TEXTURES, hair_texture
from gaze.synthesis.hair_style import CUTS, HairStyle
from gaze.synthesis.head_surface import CENTRE_MM, DirectionMap, directions_of
from gaze.synthesis.headwear import HEADWEAR, Headwear
from gaze.synthesis.skin_appearance import SkinAppearance
from tests.gaze.synthesis.egg_head import AXES_MM, MIDDLE_MM, egg_head

EYES_Y = -36.0


@pytest.fixture(scope="module")
def head():
    return egg_head()


@pytest.fixture(scope="module")
def builder(head):
    return HairBuilder(head)


def style_of(cut, seed=0, **changes):
    skin = SkinAppearance.sample(np.random.default_rng(seed))
    style = HairStyle.sample(np.random.default_rng([seed, 1]), skin, cut)
    return replace(style, **{"headwear": None, **changes})


def triangle_count(hair):
    return sum(len(part.triangles) for part in hair.parts)


def egg_radius(direction):
    """Distance from CENTRE_MM to the egg along unit directions, from the quadratic of the ellipsoid."""
    start = (CENTRE_MM - MIDDLE_MM) / AXES_MM
    step = direction / AXES_MM
    a, b, c = (step**2).sum(-1), (step * start).sum(-1), (start**2).sum() - 1.0
    return (-b + np.sqrt(b * b - a * c)) / a


def test_surface_matches_the_egg(head):
    surface = DirectionMap(head).surface(head.vertices_mm)
    theta, phi = np.meshgrid(np.linspace(0.3, 2.6, 20), np.linspace(-3.1, 3.1, 31), indexing="ij")
    # Away from the ears, which the map leaves out and bridges.
    away = (np.abs(np.abs(phi) - 1.6) > 0.75) | (theta < 0.9)
    direction = np.stack([np.sin(theta) * np.sin(phi), -np.cos(theta), -np.sin(theta) * np.cos(phi)], axis=-1)
    error = np.abs(surface.radius_at(theta, phi) - egg_radius(direction))[away]
    assert error.max() < 1.5 and error.mean() < 0.4


def test_height_lookup_inverts_the_surface(head):
    surface = DirectionMap(head).surface(head.vertices_mm)
    phi = np.linspace(-0.8, 0.8, 9)
    theta = surface.theta_of_height(phi, np.full(9, -90.0))
    assert surface.at(theta, phi)[:, 1] == pytest.approx(-90.0, abs=3.0)


@pytest.mark.parametrize("cut", CUTS)
def test_every_cut_is_well_formed_and_small(head, builder, cut):
    style = style_of(cut, stray=12)
    hair = builder.build(head.vertices_mm, style, np.random.default_rng(0))
    assert triangle_count(hair) <= 12_000
    assert (triangle_count(hair) == 0) == (cut == "bald")
    for part in hair.parts:
        count = len(part.vertices_mm)
        for name in ("vertices_mm", "normals", "tangents", "texcoord", "coverage", "tone"):
            values = getattr(part, name)
            assert len(values) == count and np.isfinite(values).all() and values.dtype == np.float32
        assert part.triangles.min() >= 0 and part.triangles.max() < count
        assert np.linalg.norm(part.normals, axis=1) == pytest.approx(1.0, abs=1e-3)
        assert part.coverage.min() >= 0.0 and part.coverage.max() <= 1.0
        assert part.texture in TEXTURES
        assert np.abs(part.vertices_mm).max() < 500


@pytest.mark.parametrize("cut", ["crop", "shaven", "side_part", "tied_back", "afro"])
def test_hair_leaves_the_face_free_and_stays_outside_the_head(head, builder, cut):
    style = style_of(cut, fringe_mm=0.0, stray=0)
    hair = builder.build(head.vertices_mm, style, np.random.default_rng(0))
    shell = hair.parts[0]
    covered = shell.vertices_mm[shell.coverage > 0.3]
    face = (np.abs(covered[:, 0]) < 45) & (covered[:, 1] > -70) & (covered[:, 2] < -40)
    assert not face.any()
    theta, phi, radius = directions_of(shell.vertices_mm)
    # The map bridges the place of the ears.
    away = (np.abs(np.abs(phi) - 1.6) > 0.75) | (theta < 0.9)
    direction = (shell.vertices_mm - CENTRE_MM) / radius[:, None]
    assert (radius - egg_radius(direction))[away].min() > -0.5


def test_fringe_reaches_down_the_forehead(head, builder):
    def lowest(fringe_mm):
        style = style_of("fringe", fringe_mm=fringe_mm, hairline_mm=0.0, recede=0.0, wave=0.0, stray=0)
        parts = builder.build(head.vertices_mm, style, np.random.default_rng(0)).parts
        strands = parts[-1].vertices_mm
        middle = strands[(np.abs(strands[:, 0]) < 25) & (strands[:, 2] < -50)]
        return np.quantile(middle[:, 1], 0.98)

    assert lowest(25.0) < lowest(65.0) - 15
    assert lowest(65.0) > EYES_Y - 25


def test_long_hair_hangs_below_the_chin_beside_the_face(head, builder):
    style = style_of("long", fringe_mm=0.0, stray=0, length_mm=330.0)
    curtain = builder.build(head.vertices_mm, style, np.random.default_rng(0)).parts[2].vertices_mm
    assert np.quantile(curtain[:, 1], 0.95) > 76
    low = curtain[(curtain[:, 1] > -20) & (curtain[:, 1] < 60) & (curtain[:, 2] < 0)]
    assert np.abs(low[:, 0]).min() > 25


def test_same_seed_same_hair(head, builder):
    style = style_of("curly")
    first, again, other = (
        builder.build(head.vertices_mm, style, np.random.default_rng(seed)).parts[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.vertices_mm, again.vertices_mm)
    assert (first.vertices_mm != other.vertices_mm).any()


@pytest.mark.parametrize("kind", HEADWEAR)
def test_headwear_is_opaque_and_leaves_the_eyes_free(head, builder, kind):
    wear = Headwear(kind, (40.0, 60.0, 90.0), 48.0, 4.0, 65.0, 0.2, 62.0)
    hair = builder.build(head.vertices_mm, style_of("crop", headwear=wear), np.random.default_rng(0))
    cloth = [part for part in hair.parts if part.opaque]
    assert cloth and all((part.coverage == 1.0).all() for part in cloth)
    points = np.concatenate([part.vertices_mm for part in cloth])
    before_eyes = (np.abs(points[:, 0]) < 45) & (np.abs(points[:, 1] - EYES_Y) < 12) & (points[:, 2] < -60)
    assert not before_eyes.any()
    assert triangle_count(hair) <= 12_000
    if kind == "cap":
        assert points[:, 2].min() < head.vertices_mm[:, 2].min() - 30
    if kind == "scarf":
        assert len(hair.parts) == 1


def test_styles_follow_age_and_sex():
    people = [SkinAppearance.sample(np.random.default_rng([s, 5])) for s in range(600)]
    styles = [HairStyle.sample(np.random.default_rng([s, 6]), p) for s, p in enumerate(people)]
    long = np.array([s.cut in ("long", "bob", "tied_back") for s in styles])
    man = np.array([p.masculine for p in people])
    assert long[~man].mean() > 0.5 and long[man].mean() < 0.2
    age = np.array([p.age_years for p in people])
    recede = np.array([s.recede for s in styles])
    assert recede[man & (age > 55)].mean() > recede[man & (age < 30)].mean() + 0.15
    assert {s.cut for s in styles} == set(CUTS)
    assert {s.headwear.kind for s in styles if s.headwear} == set(HEADWEAR)


def test_textures_are_fixed():
    for name in TEXTURES:
        texture = hair_texture(name)
        assert texture.shape == (256, 256, 2) and texture.dtype == np.uint8
        hair_texture.cache_clear()
        np.testing.assert_array_equal(texture, hair_texture(name))


def test_real_mesh_crop_frames_the_face(shared_dir):
    from gaze.synthesis.mesh import HeadMesh

    mesh = HeadMesh.load(shared_dir / "assets")
    hair = HairBuilder(mesh).build(
        mesh.vertices_mm, style_of("crop", hairline_mm=0.0, recede=0.0), np.random.default_rng(0)
    )
    shell = hair.parts[0]
    covered = shell.vertices_mm[shell.coverage > 0.3]
    front = covered[(np.abs(covered[:, 0]) < 15) & (covered[:, 2] < 0)]
    # The hairline stands 55 to 75 mm above the eyes' level.
    assert -115 < front[:, 1].max() < -90
