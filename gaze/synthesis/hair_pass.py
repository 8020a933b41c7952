"""Draws hair and headwear over a drawn head, by OpenGL."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.culling import CulledArray
from gaze.synthesis.gl import column_major, load_program, placed, set_uniforms
from gaze.synthesis.hair import HairGeometry
from gaze.synthesis.hair_parts import HairPart, hair_texture
from gaze.synthesis.light import LightRig


class HairPass:
    """The program and the strand textures; one person's buffers are made with ``upload``."""

    def __init__(self, context: moderngl.Context, atlas_unit: int, strand_unit: int) -> None:
        """``atlas_unit``: where the light's atlas is bound; ``strand_unit``: a unit that is free."""
        self._context = context
        self._strand_unit = strand_unit
        self._program = load_program(context, "hair.vert", "hair.frag")
        set_uniforms(self._program, light_atlas=atlas_unit, strand_map=strand_unit)
        self._textures: dict[str, moderngl.Texture] = {}

    def upload(self, geometry: HairGeometry) -> HairBuffers:
        """Put one person's hair on the GPU."""
        arrays, buffers = [], []
        for part in geometry.parts:
            rows = np.column_stack(
                [part.vertices_mm, part.normals, part.tangents, part.texcoord, part.coverage, part.tone]
            )
            vertices = self._context.buffer(np.ascontiguousarray(rows, np.float32).tobytes())
            names = ("position", "normal", "tangent", "texcoord", "cover")
            layout = [(vertices, "3f 3f 3f 2f 2f", *names)]
            arrays.append((CulledArray(self._context, self._program, layout, part.triangles), part))
            buffers.append(vertices)
        return HairBuffers(arrays, buffers)

    def draw(
        self,
        hair: HairBuffers,
        R_cam_head: NDArray[np.floating],
        t_cam_mm: NDArray[np.floating],
        view_projection: NDArray[np.float32],
        rig: LightRig,
    ) -> None:
        """Draw into the framebuffer in use; its depth is tested and written.

        To be called after the skin and the eyes and before glasses. ``view_projection`` as in
        gaze.synthesis.view.projection_of.
        """
        if not hair.arrays:
            return
        place = placed(R_cam_head, t_cam_mm)
        context, program = self._context, self._program
        context.enable(moderngl.DEPTH_TEST | moderngl.BLEND)
        context.disable(moderngl.CULL_FACE)
        context.blend_func = (
            moderngl.SRC_ALPHA,
            moderngl.ONE_MINUS_SRC_ALPHA,
            moderngl.ONE,
            moderngl.ONE_MINUS_SRC_ALPHA,
        )
        clip = view_projection @ place.astype(np.float32)
        rig.write(program)
        program["view_projection"].write(column_major(view_projection))
        program["cam_from_head"].write(column_major(place))
        for array, part in hair.arrays:
            self._texture(part.texture).use(self._strand_unit)
            albedo = tuple(float(v) ** 2.2 for v in part.srgb)
            set_uniforms(program, albedo=albedo, gloss=part.gloss, cloth=part.opaque)
            array.render(part.vertices_mm, clip)
        context.disable(moderngl.BLEND)

    def _texture(self, name: str) -> moderngl.Texture:
        if name not in self._textures:
            pixels = hair_texture(name)
            texture = self._context.texture(pixels.shape[:2], 2, pixels.tobytes())
            texture.build_mipmaps()
            texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
            self._textures[name] = texture
        return self._textures[name]


class HairBuffers:
    """One person's hair on the GPU."""

    def __init__(self, arrays, buffers: list[moderngl.Buffer]) -> None:
        self.arrays: list[tuple[CulledArray, HairPart]] = arrays
        self._buffers = buffers

    def release(self) -> None:
        """Free the GPU's memory."""
        for array, _ in self.arrays:
            array.release()
        for buffer in self._buffers:
            buffer.release()
