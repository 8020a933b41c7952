"""Plain people drawn in even light, and what is found in such drawings."""

import moderngl
import numpy as np

from gaze.synthesis.dressed import DressedPerson
from gaze.synthesis.environment import Environment
from gaze.synthesis.hair_pass import HairBuffers
from gaze.synthesis.lashes import Lashes
from gaze.synthesis.light import LightRig
from gaze.synthesis.mesh import LANDMARKS_68
from gaze.synthesis.skin_finish import SkinFinish
from gaze.synthesis.wear_pass import WearBuffers
from tests.gaze.synthesis.plain import EYES_MM

TEXTURE_PX = 512
FINISH = SkinFinish(bump=0.0, oiliness=0.0, lid_shade=0.0, lash_shade=0.0, orbit_stops=0.0)
# Landmarks far apart, and not hidden by lids, nose or cheeks of heads turned by up to 22 degrees.
DOTS = LANDMARKS_68[[17, 19, 21, 22, 24, 26, 27, 28, 29, 30, 48, 51, 54]]


class Studio:
    """Draws plain people in the same light from everywhere: no hair, nothing worn, lashes too thin to see."""

    def __init__(self, renderer):
        environment = Environment.from_panorama("even", np.ones((32, 64, 3), np.float32))
        self.renderer = renderer
        self.rig = LightRig("even", environment, np.eye(3), np.ones(3), (), EYES_MM, 300.0)

    def texture(self, pixels):
        with self.renderer.context as context:
            texture = context.texture(pixels.shape[1::-1], 3, np.ascontiguousarray(pixels).tobytes())
            texture.build_mipmaps()
        texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        return texture

    def draw(
        self,
        person,
        head,
        view,
        albedo=None,
        body=0.0,
        finish=FINISH,
        cloth=None,
        held=(),
    ):
        """Linear RGB and coverage (S, S, 4); skin is black where ``albedo`` (sRGB) does not say otherwise.

        ``cloth`` is the grey of the mesh's own clothes, by default that of the ``body``.
        """
        black = np.zeros((TEXTURE_PX, TEXTURE_PX, 3), np.uint8)
        smooth = np.full_like(black, 128)
        smooth[..., 2] = 0
        lash = np.float32([[0.5, 1.0, 0.0, 0.0]])
        dressed = DressedPerson(
            person=person,
            albedo=self.texture(black if albedo is None else albedo),
            detail=self.texture(smooth),
            body_albedo=(body,) * 3,
            cloth_albedo=(body if cloth is None else cloth,) * 3,
            lashes=Lashes(upper=lash, lower=lash, curl=0.5, thickness_mm=1e-6, colour=(0.0, 0.0, 0.0)),
            worn=None,
            wear=WearBuffers([], None, None, []),
            style=None,
            hair=HairBuffers([], []),
        )
        with dressed:
            return self.renderer.render(dressed, head, view, self.rig, finish, held)

    def dots(self, person, head, view):
        """White dots on the landmarks DOTS of a black face: one channel (S, S) of linear light."""
        rows, columns = np.indices((TEXTURE_PX, TEXTURE_PX))
        dots = np.zeros((TEXTURE_PX, TEXTURE_PX))
        for u, v in self.renderer.mesh.uv[DOTS]:
            squared = (columns + 0.5 - u * TEXTURE_PX) ** 2 + (rows + 0.5 - v * TEXTURE_PX) ** 2
            dots = np.maximum(dots, np.exp(-squared / (2 * 2.0**2)))
        painted = np.repeat((255 * dots).astype(np.uint8)[..., None], 3, axis=2)
        return (self.draw(person, head, view, painted) - self.draw(person, head, view))[..., 1]


def centroid(weights, middle, radius):
    """Centre of mass (x, y) of an image within a radius of a place."""
    rows, columns = np.indices(weights.shape)
    near = np.hypot(columns - middle[0], rows - middle[1]) <= radius
    mass = np.where(near, np.clip(weights, 0, None), 0)
    total = mass.sum()
    return np.array([(mass * columns).sum(), (mass * rows).sum()]) / max(total, 1e-9), total
