"""Renderers give back what they hold: the context and all in it, also where something fails."""

import ctypes
import gc
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import moderngl
import pytest

from deploy.calibrate import rendered
from gaze import cli
from gaze.camera import Camera
from gaze.errors import CalibrationError, GazeError, ModelError
from gaze.synthesis import crops as crops_module
from gaze.synthesis import people_renderer, pictures, pictures_command, rigid_table_command
from gaze.synthesis import renderer as renderer_module
from gaze.synthesis import webcam as webcam_module
from gaze.synthesis.crops import CropRenderer
from gaze.synthesis.gl import create_context, release_context
from gaze.synthesis.mesh import HeadMesh
from gaze.synthesis.mpiifacegaze_standin import StandinOptions, write_standin
from gaze.synthesis.renderer import HeadRenderer
from gaze.synthesis.webcam import PersonAtLaptop, WebcamRenderer

CAMERA = Camera.from_hfov(60.0, 640, 480, "calibrated")
RENDERERS = 10
# Of one: 36 bytes a px of what is drawn into.
LARGE_PX = 1024


@pytest.fixture
def quick(crop_renderer, mesh, monkeypatch):
    """Renderers are made without what takes them seconds, which is the session's."""
    monkeypatch.setattr(renderer_module, "Visibility", lambda *rest: crop_renderer.renderer.visibility)
    monkeypatch.setattr(HeadMesh, "load", classmethod(lambda cls, path: mesh))
    monkeypatch.setattr(people_renderer, "load_environments", lambda path: crop_renderer.environments)


@pytest.fixture
def released(quick, monkeypatch):
    """The contexts that are given back, in order."""
    contexts, release = [], renderer_module.release_context
    monkeypatch.setattr(
        renderer_module, "release_context", lambda context: contexts.append(context) or release(context)
    )
    return contexts


def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_ten_renderers_in_turn_take_the_memory_of_one(quick, assets_dir):
    """Kept, each would hold 36 MB of pictures alone."""
    after_mb = []
    for _ in range(RENDERERS):
        with HeadRenderer(assets_dir, LARGE_PX) as renderer, renderer.context:
            targets = renderer._targets_of(LARGE_PX)
            for target in (targets.picture, targets.skin):
                target.clear(1.0, 1.0, 1.0, 1.0)
            assert targets.picture.read((0, 0, 1, 1), dtype="f4") == b"\0\0\x80?" * 3
        gc.collect()
        after_mb.append(resident_mb())
    # The first ones fill what the allocator keeps for the next.
    assert after_mb[-1] - after_mb[4] < 36.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names the library as Linux does")
def test_a_context_that_is_current_is_given_back_at_once(crop_renderer):
    """EGL keeps a destroyed context for as long as it is the current one."""
    current = ctypes.CDLL("libEGL.so.1").eglGetCurrentContext
    current.restype = ctypes.c_void_p
    context = create_context()
    assert current() is not None
    release_context(context)
    assert current() is None


def test_a_closed_renderer_says_so_and_closes_once(quick, released, assets_dir):
    with WebcamRenderer(assets_dir, CAMERA) as renderer:
        head_renderer = renderer.renderer
    assert released == [head_renderer.context]
    renderer.close()
    head_renderer.close()
    assert len(released) == 1
    with pytest.raises(GazeError, match="the renderer is closed; draw inside its `with`"):
        renderer.dress(0)
    with pytest.raises(GazeError, match="the renderer is closed"):
        head_renderer.render(None, None, None, None, None)


def test_another_renderer_draws_on_when_one_is_closed(quick, crop_renderer, assets_dir):
    with crop_renderer.dress(3) as dressed:
        before = crop_renderer.render(dressed, 3000).image
        HeadRenderer(assets_dir, 64).close()
        after = crop_renderer.render(dressed, 3000).image
    assert (before == after).all()


def test_a_person_is_given_back_where_drawing_fails(crop_renderer):
    with pytest.raises(ModelError, match="no picture"), crop_renderer.dress(3) as dressed:
        assert dressed.albedo.read()
        raise ModelError("no picture")
    assert isinstance(dressed.albedo.mglo, moderngl.InvalidObject)
    assert isinstance(dressed.detail.mglo, moderngl.InvalidObject)


@pytest.mark.parametrize(
    ("module", "part", "make"),
    [
        (renderer_module, "WearPass", lambda assets: HeadRenderer(assets, 64)),
        (crops_module, "LivePipeline", lambda assets: CropRenderer(assets, 64)),
        (people_renderer, "Wardrobe", lambda assets: WebcamRenderer(assets, CAMERA)),
    ],
)
def test_what_cannot_be_made_whole_is_given_back(released, monkeypatch, assets_dir, module, part, make):
    def fails(*rest, **options):
        raise ModelError("no such part")

    monkeypatch.setattr(module, part, fails)
    with pytest.raises(ModelError, match="no such part"):
        make(assets_dir)
    assert len(released) == 1


class Failing:
    """A WebcamRenderer that can dress nobody."""

    made = ()

    def __init__(self, assets_dir, camera):
        self.camera, self.closed = camera, 0
        Failing.made = (*Failing.made, self)

    def use_camera(self, camera):
        self.camera = camera

    def set_up(self, *rest):
        return SimpleNamespace(rig=SimpleNamespace(lux=300.0))

    def dress(self, seed):
        raise CalibrationError("nobody there")

    def close(self):
        self.closed += 1

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


@pytest.fixture
def failing(monkeypatch):
    """What commands make in place of a WebcamRenderer."""
    monkeypatch.setattr(Failing, "made", ())
    for module in (webcam_module, pictures):
        monkeypatch.setattr(module, "WebcamRenderer", Failing)
    monkeypatch.setattr(pictures_command, "read_head", lambda folder: None)
    monkeypatch.setattr(pictures_command, "environments_digest", lambda folder: "of no panoramas")
    monkeypatch.setattr(rigid_table_command, "create_detector", lambda *rest, **options: nullcontext())
    monkeypatch.setattr(rendered.GazeEstimator, "create", lambda *rest, **options: nullcontext())
    return Failing


@pytest.mark.parametrize("argv", [["clip"], ["pictures", "--count", "1"], ["rigid-table"]])
def test_a_command_that_fails_closes_its_renderer(failing, tmp_path, capsys, argv):
    assert cli.main(["synthesize", *argv, "--out", str(tmp_path / "out.mp4")]) == 1
    assert "nobody there" in capsys.readouterr().err
    assert [renderer.closed for renderer in failing.made] == [1]


def test_a_calibration_that_fails_closes_its_renderer(failing):
    with pytest.raises(CalibrationError, match="nobody there"):
        list(rendered._trials(rendered.parser().parse_args(["--people", "1"])))
    assert [renderer.closed for renderer in failing.made] == [1]


def test_a_stand_in_that_fails_closes_its_renderer(failing, tmp_path):
    with pytest.raises(CalibrationError, match="nobody there"):
        write_standin(tmp_path, lambda: PersonAtLaptop("assets"), StandinOptions(1, 2), progress=False)
    assert [renderer.closed for renderer in failing.made] == [1]
