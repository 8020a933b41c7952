"""A person ready to be drawn: skin maps, lashes and everything worn, on the GPU."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from gaze.synthesis import streams
from gaze.synthesis.background import matt_colour
from gaze.synthesis.features import ALL_FEATURES, Features
from gaze.synthesis.hair import HairBuilder
from gaze.synthesis.hair_pass import HairBuffers, HairPass
from gaze.synthesis.hair_style import HairStyle
from gaze.synthesis.lashes import Lashes
from gaze.synthesis.mesh import LANDMARKS_68, HeadMesh
from gaze.synthesis.person import Person
from gaze.synthesis.skin import paint_skin
from gaze.synthesis.streams import stream
from gaze.synthesis.uv_atlas import UvAtlas
from gaze.synthesis.wear import Wear, sample_wear
from gaze.synthesis.wear_pass import WearBuffers, WearPass


@dataclass(frozen=True)
class DressedPerson:
    """``albedo`` and ``detail`` are textures over the face tile; ``body_albedo`` and ``cloth_albedo``
    are the linear RGB of the neck and of the shoulders. It holds memory of the GPU: use it in a ``with``, or
    release it.
    """

    person: Person
    albedo: moderngl.Texture
    detail: moderngl.Texture
    body_albedo: tuple[float, float, float]
    cloth_albedo: tuple[float, float, float]
    lashes: Lashes
    worn: Wear
    wear: WearBuffers
    style: HairStyle
    hair: HairBuffers

    @property
    def attributes(self) -> dict[str, object]:
        """Labels of what can be seen of the person, for results by group."""
        headwear = self.style.headwear
        return {
            "melanin": round(self.person.skin.melanin, 3),
            "hair": self.style.cut,
            "headwear": headwear.kind if headwear else "",
            "beard": bool(self.person.skin.beard),
            **self.worn.attributes,
        }

    def release(self) -> None:
        """Free the GPU's memory; before the renderer is closed, which frees it too."""
        with self.albedo.ctx:
            self.albedo.release()
            self.detail.release()
            self.wear.release()
            self.hair.release()

    def __enter__(self) -> DressedPerson:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()


class Wardrobe:
    """Makes people ready to be drawn on one context."""

    def __init__(
        self,
        context: moderngl.Context,
        mesh: HeadMesh,
        wear_pass: WearPass,
        hair_pass: HairPass,
        features: Features = ALL_FEATURES,
    ) -> None:
        self._context = context
        self._mesh = mesh
        self._features = features
        self._wear_pass = wear_pass
        self._hair_pass = hair_pass
        self._hair_builder = HairBuilder(mesh)
        triangles = mesh.face_triangles
        self._atlas = UvAtlas.bake(mesh.vertices_mm, mesh.uv, triangles, triangles, LANDMARKS_68)

    def dress(self, seed: int) -> DressedPerson:
        """The person of a seed; in a ``with``, or to be released."""
        with self._context:
            return self._dress(seed)

    def _dress(self, seed: int) -> DressedPerson:
        person = Person.sample(seed, self._mesh, self._features)
        maps = paint_skin(self._atlas, person.skin, stream(seed, streams.SKIN_PAINT))
        detail = cv2.merge([*cv2.split(maps.normal.view(np.uint8) ^ 128), maps.gloss])  # 0 becomes 128
        hair = (np.asarray(person.skin.brow_srgb) / 255.0) ** 2.2
        body = (np.asarray(maps.base_srgb) / 255.0) ** 2.2
        worn = sample_wear(stream(seed, streams.PERSON_WEAR), person.vertices_mm, person.centres_mm)
        style = HairStyle.sample(stream(seed, streams.PERSON_HAIR), person.skin)
        geometry = self._hair_builder.build(person.vertices_mm, style, stream(seed, streams.HAIR_STRANDS))
        return DressedPerson(
            person=person,
            albedo=self._texture(maps.albedo),
            detail=self._texture(detail),
            body_albedo=tuple(map(float, body)),
            cloth_albedo=tuple(map(float, matt_colour(stream(seed, streams.CLOTH)))),
            lashes=Lashes.sample(stream(seed, streams.LASHES), hair),
            worn=worn,
            wear=self._wear_pass.upload(worn.things, worn.glasses),
            style=style,
            hair=self._hair_pass.upload(geometry),
        )

    def _texture(self, pixels: NDArray[np.uint8]) -> moderngl.Texture:
        size = (pixels.shape[1], pixels.shape[0])
        texture = self._context.texture(size, 3, np.ascontiguousarray(pixels).tobytes(), alignment=1)
        texture.build_mipmaps()
        texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        return texture
