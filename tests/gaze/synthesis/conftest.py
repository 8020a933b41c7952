"""The head model and one renderer for all tests of the renderer; without assets or OpenGL they skip."""

import pytest

from gaze.errors import RuntimeUnavailableError


@pytest.fixture(scope="session")
def assets_dir(shared_dir):
    return shared_dir / "assets"


@pytest.fixture(scope="session")
def mesh(assets_dir):
    from gaze.synthesis.mesh import HeadMesh

    return HeadMesh.load(assets_dir)


@pytest.fixture(scope="session")
def normals_of(mesh):
    from gaze.synthesis.expression import skin_normals

    return skin_normals(mesh)


@pytest.fixture(scope="session")
def crop_renderer(assets_dir, landmark_models):
    pytest.importorskip("moderngl")
    from gaze.synthesis.crops import CropRenderer

    try:
        renderer = CropRenderer(assets_dir, 224)
    except RuntimeUnavailableError as error:
        pytest.skip(str(error))
    with renderer:
        yield renderer


@pytest.fixture(scope="session")
def head_renderer(crop_renderer):
    return crop_renderer.renderer


@pytest.fixture(scope="session")
def studio(head_renderer):
    from tests.gaze.synthesis.studio import Studio

    return Studio(head_renderer)
