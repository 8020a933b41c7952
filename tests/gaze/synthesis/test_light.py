"""Light: harmonics against brute force, the prefiltered atlas, lamps, and rigs drawn from seeds."""

from itertools import pairwise

import numpy as np
import pytest

from gaze.errors import DataError, RuntimeUnavailableError
from gaze.synthesis import lamps
from gaze.synthesis.assets import read_packed
from gaze.synthesis.colour import black_body
from gaze.synthesis.environment import (
    MIRROR_SIZE,
    ROUGH_LEVELS,
    ROUGH_SIZE,
    Environment,
    Irradiance,
    equirect_directions,
    load_environments,
)
from gaze.synthesis.light import LAMPS, LightRig
from gaze.synthesis.lighting_scene import SCENES

HEAD = np.array([20.0, 30.0, 600.0])


def sphere(count: int, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def room(height: int = 64) -> np.ndarray:
    """A smooth synthetic panorama: bright above, coloured sides, a broad window."""
    directions, _ = equirect_directions(height, 2 * height)
    x, y, z = np.moveaxis(directions, -1, 0)
    window = np.exp(-((x - 0.8) ** 2 + (y + 0.3) ** 2 + (z + 0.5) ** 2) / 0.15)
    base = np.stack([0.6 - 0.3 * y, 0.6 - 0.3 * y + 0.1 * x, 0.6 - 0.2 * y - 0.1 * z], -1)
    return (base + 4.0 * window[..., None] * [1.0, 0.95, 0.9]).astype(np.float32)


def brute_force(panorama: np.ndarray, normals: np.ndarray) -> np.ndarray:
    directions, solid_angle = equirect_directions(*panorama.shape[:2])
    cosine = np.clip(normals @ directions.reshape(-1, 3).T, 0.0, None)
    return cosine @ (panorama * solid_angle[..., None]).reshape(-1, 3)


def rotation(seed: int) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def evaluate_packed(packed: np.ndarray, n: np.ndarray) -> np.ndarray:
    """environment_diffuse of light.glsl in numpy, before its clamp."""
    x, y, z = n.T
    basis = np.stack([np.ones_like(x), x, y, z, x * x, y * y, x * y, x * z, y * z], -1)
    return basis @ packed


def test_constant_environment_gives_pi_times_radiance():
    irradiance = Irradiance.of_panorama(np.full((32, 64, 3), [0.5, 1.0, 2.0], np.float32))
    expected = np.pi * np.array([0.5, 1.0, 2.0])
    assert np.allclose(irradiance(sphere(50)), expected, rtol=2e-3)


def test_harmonics_agree_with_brute_force_within_six_percent():
    normals = sphere(200, 1)
    exact = brute_force(room(), normals)
    error = np.abs(Irradiance.of_panorama(room())(normals) - exact)
    assert error.max() < 0.06 * exact.mean()
    assert error.mean() < 0.02 * exact.mean()


def test_rotating_the_light_is_rotating_the_normals():
    irradiance, R, normals = Irradiance.of_panorama(room()), rotation(3), sphere(100, 2)
    assert np.allclose(irradiance.rotated(R)(normals @ R.T), irradiance(normals), atol=1e-9)


def test_the_shaders_nine_terms_are_the_same_polynomial():
    irradiance, normals = Irradiance.of_panorama(room()), sphere(100, 4)
    assert np.allclose(evaluate_packed(irradiance.packed(), normals), irradiance(normals), rtol=1e-5)


def test_directions_cover_the_sphere_and_follow_the_convention():
    directions, solid_angle = equirect_directions(32, 64)
    assert solid_angle.sum() == pytest.approx(4 * np.pi, rel=1e-6)
    assert directions[0, 0, 1] < -0.99  # the top row looks up, which is -y
    u = np.arctan2(directions[16, 40, 0], directions[16, 40, 2]) / (2 * np.pi) + 0.5
    assert u * 64 - 0.5 == pytest.approx(40)


def test_a_sun_is_taken_out_and_its_irradiance_is_kept():
    panorama = np.full((64, 128, 3), 1.0, np.float32)
    panorama[16, 64:66] = 20000.0
    directions, solid_angle = equirect_directions(64, 128)
    environment = Environment.from_panorama("sunny", panorama)
    assert environment.sun is not None
    assert environment.sun.direction_env @ directions[16, 64] > 0.999
    mean = (environment.panorama * solid_angle[..., None]).sum((0, 1)) / (4 * np.pi)
    assert np.allclose(mean, 1.0, rtol=1e-3)
    # Ratio of sun to sky is that of the picture.
    sun = 20000.0 * solid_angle[16, 64:66].sum()
    sky_pixel = environment.panorama[50, 10, 1]
    assert environment.sun.irradiance[1] / sky_pixel == pytest.approx(sun, rel=0.02)


def test_atlas_of_a_constant_room_is_constant_in_every_level_and_border():
    atlas = Environment.from_panorama("white", np.ones((32, 64, 3), np.float32)).atlas
    side, rough = MIRROR_SIZE + 2, ROUGH_SIZE + 2
    assert np.allclose(atlas[:side, :side].astype(float), 1.0, atol=2e-3)
    assert np.allclose(atlas[: rough * len(ROUGH_LEVELS), side:].astype(float), 1.0, atol=2e-3)


def test_rougher_levels_are_smoother():
    atlas = Environment.from_panorama("room", room()).atlas.astype(float)
    side, rough = MIRROR_SIZE + 2, ROUGH_SIZE + 2
    spread = [atlas[k * rough : (k + 1) * rough, side:].std() for k in range(len(ROUGH_LEVELS))]
    assert all(a > b for a, b in pairwise(spread))


def test_bad_panoramas_and_missing_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="finite"):
        Environment.from_panorama("bad", np.full((8, 16, 3), np.nan, np.float32))
    with pytest.raises(DataError, match=r"environments\.npz"):
        load_environments(tmp_path)


@pytest.mark.parametrize("change", ["black", "missing", "another"])
def test_altered_panoramas_are_refused(tmp_path, shared_dir, change):
    panoramas = read_packed(shared_dir / "assets/hdri/environments.npz")
    if change == "black":
        panoramas["lobby"][:] = 0.0
    elif change == "missing":
        del panoramas["lobby"]
    else:
        panoramas["mine"] = panoramas["lobby"]
    (tmp_path / "hdri").mkdir()
    np.savez(tmp_path / "hdri/environments.npz", **panoramas)
    name = "mine" if change == "another" else "lobby"
    with pytest.raises(DataError, match=rf"environments.npz: {name} not as in the release; .*fetch-assets"):
        load_environments(tmp_path)


def test_black_bodies_are_warm_below_and_cool_above_daylight():
    red, _, blue = black_body(2700.0)
    assert red > 1.4 and blue < 0.45
    assert np.allclose(black_body(6500.0), 1.0, atol=0.06)
    assert black_body(9000.0)[2] > 1.15


def test_lamp_size_and_radiance_agree():
    lamp = lamps.facing("panel", lamps.RECTANGLE, HEAD - np.array([0, 0, 1000.0]), HEAD, (50.0, 50.0)).lit(
        np.ones(3)
    )
    assert np.allclose(lamp.normal_cam, [0, 0, 1])
    assert lamp.solid_angle(HEAD) == pytest.approx(0.01, rel=0.01)
    assert np.allclose(lamp.radiance(HEAD) * lamp.solid_angle(HEAD), 1.0)
    assert lamp.angular_radius_sine(HEAD) == pytest.approx(np.sqrt(0.01 / np.pi), rel=0.01)


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_rigs_are_scaled_lit_and_repeatable(scene):
    environments = [Environment.from_panorama("room", room(32)), Environment.from_panorama("park", room(32))]
    for seed in range(5):
        rig = LightRig.sample(np.random.default_rng(seed), environments, HEAD, scene)
        again = LightRig.sample(np.random.default_rng(seed), environments, HEAD, scene)
        for name, value in rig.uniforms.items():
            assert np.all(np.isfinite(value)), name
            assert np.array_equal(value, again.uniforms[name])
        assert len(rig.lamps) <= LAMPS
        assert np.allclose(rig.R_env_cam @ rig.R_env_cam.T, np.eye(3), atol=1e-9)
        assert all(lamp.irradiance.min() >= 0 for lamp in rig.lamps)
        front = np.array([[0.0, 0.0, -1.0], [0.5, 0.0, -0.866], [-0.5, 0.0, -0.866]])
        assert 0.3 * np.pi < rig.face_irradiance(front).mean() < 2.5 * np.pi


def test_screens_shine_towards_the_person_from_below_the_camera():
    rng = np.random.default_rng(5)
    for _ in range(20):
        lamp = lamps.screen(rng)
        assert lamp.normal_cam[2] > 0.9
        assert lamp.centre_cam_mm[1] - lamp.half_mm[1] > 0


def test_shader_compiles_and_matches_numpy_on_the_gpu():
    pytest.importorskip("moderngl")
    from gaze.synthesis.gl import create_context, shader_source

    try:
        context = create_context()
    except RuntimeUnavailableError as error:
        pytest.skip(str(error))
    environment = Environment.from_panorama("room", room(32))
    rig = LightRig.sample(np.random.default_rng(1), [environment], HEAD, "studio")
    program = context.program(
        vertex_shader="#version 330\nin vec2 p; void main() { gl_Position = vec4(p, 0.0, 1.0); }",
        fragment_shader="#version 330\n"
        + shader_source("light.glsl")
        + "uniform vec3 n; out vec4 o; void main() {"
        + " vec3 gloss = reflection(n, n, 0.1) + specular_light(n, n, 0.5, 0.04, 1.0, vec3(1.0));"
        + " o = vec4(diffuse_light(n, 1.0, vec3(1.0), vec3(0.0)) + 0.0 * gloss, 1.0); }",
    )
    rig.write(program)
    LightRig.texture(context, environment).use(0)
    target = context.framebuffer([context.texture((1, 1), 4, dtype="f4")])
    target.use()
    corners = context.buffer(np.array([-1, -1, 3, -1, -1, 3], np.float32).tobytes())
    array = context.vertex_array(program, [(corners, "2f", "p")])
    for normal in sphere(10, 7):
        program["n"].value = tuple(normal)
        array.render()
        got = np.frombuffer(target.read(components=4, dtype="f4"), np.float32)[:3]
        assert np.allclose(got, rig.face_irradiance(normal[None])[0] / np.pi, rtol=2e-3, atol=2e-3)
    context.release()
