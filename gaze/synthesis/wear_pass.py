"""Draws what a person wears or holds, over a drawn head, by OpenGL."""

from __future__ import annotations

from collections.abc import Sequence

import moderngl
import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.accessory import Accessory
from gaze.synthesis.gl import column_major, load_program, placed, set_uniforms
from gaze.synthesis.glasses import Glasses
from gaze.synthesis.light import LightRig


class WearPass:
    """Programs and buffers for accessories.

    Vertex buffers are made per thing with ``upload`` and kept as long as the caller keeps them.
    """

    def __init__(self, context: moderngl.Context, atlas_unit: int, scene_unit: int) -> None:
        """``atlas_unit``: where the light's atlas is bound; ``scene_unit``: one that is free."""
        self._context = context
        self._solid = load_program(context, "accessory.vert", "accessory.frag")
        self._lens = load_program(context, "lens.vert", "lens.frag")
        set_uniforms(self._solid, light_atlas=atlas_unit)
        set_uniforms(self._lens, light_atlas=atlas_unit, scene=scene_unit)
        self._scene_unit = scene_unit
        self._copies: dict[tuple[int, int], tuple[moderngl.Texture, moderngl.Framebuffer]] = {}

    def upload(self, things: Sequence[Accessory], glasses: Glasses | None) -> WearBuffers:
        """Put one person's accessories on the GPU."""
        solids = list(things) + ([glasses.frame] if glasses is not None else [])
        buffers: list[moderngl.Buffer] = []

        def buffer(array: NDArray) -> moderngl.Buffer:
            buffers.append(self._context.buffer(np.ascontiguousarray(array).tobytes()))
            return buffers[-1]

        arrays = []
        for thing in solids:
            vertices = buffer(_rows(thing))
            layout = [(vertices, "3f 3f 2f", "position", "normal", "coords")]
            array = self._context.vertex_array(self._solid, layout, buffer(thing.triangles))
            arrays.append((array, vertices, thing))
        lens = None
        if glasses is not None:
            lenses = glasses.lenses
            rows = np.concatenate([lenses.vertices_mm, lenses.normals, lenses.from_centre_mm], axis=1)
            layout = [(buffer(rows), "3f 3f 3f", "position", "normal", "from_centre")]
            lens = self._context.vertex_array(self._lens, layout, buffer(lenses.triangles))
        return WearBuffers(arrays, lens, glasses, buffers)

    def draw(
        self,
        target: moderngl.Framebuffer,
        wear: WearBuffers,
        R_cam_head: NDArray[np.floating],
        t_cam_mm: NDArray[np.floating],
        view_projection: NDArray[np.float32],
        rig: LightRig,
        *,
        held: Sequence[Accessory] = (),
        skin_shift_mm: NDArray[np.floating] | None = None,
    ) -> None:
        """Draw into ``target`` (its depth is tested and written), lenses last, over a copy of the picture.

        ``held`` (see occluders) is of this picture alone. ``skin_shift_mm`` (N, 3) is how far the expression
        moved the skin's vertices from the neutral head, in the head frame: masks follow it.
        """
        if not wear.arrays and wear.lens is None and not held:
            return
        projection, place = column_major(view_projection), column_major(placed(R_cam_head, t_cam_mm))
        self._context.enable(moderngl.DEPTH_TEST)
        self._context.disable(moderngl.BLEND | moderngl.CULL_FACE)
        in_hand = self.upload(held, None)
        rig.write(self._solid)
        self._solid["view_projection"].write(projection)
        self._solid["cam_from_head"].write(place)
        self._draw_solids([*wear.arrays, *in_hand.arrays], skin_shift_mm)
        in_hand.release()
        if wear.lens is not None and wear.glasses is not None:
            copy, copy_target = self._copy_of(target.size)
            self._context.copy_framebuffer(copy_target, target)
            target.use()
            copy.use(self._scene_unit)
            rig.write(self._lens)
            self._lens["view_projection"].write(projection)
            self._lens["cam_from_head"].write(place)
            style = wear.glasses.style
            set_uniforms(
                self._lens,
                shift=style.shift,
                tint=style.tint,
                tint_gradient=style.tint_gradient,
                coating=style.coating,
            )
            wear.lens.render()

    def _copy_of(self, size_px: tuple[int, int]) -> tuple[moderngl.Texture, moderngl.Framebuffer]:
        """A texture for what was drawn so far, and how to draw into it; one for each size of target."""
        if size_px not in self._copies:
            copy = self._context.texture(size_px, 4, dtype="f4")
            copy.filter = (moderngl.LINEAR, moderngl.LINEAR)
            copy.repeat_x = copy.repeat_y = False
            self._copies[size_px] = copy, self._context.framebuffer([copy])
        return self._copies[size_px]

    def _draw_solids(self, arrays, skin_shift_mm: NDArray[np.floating] | None) -> None:
        for array, vertices, thing in arrays:
            if thing.binding is not None and skin_shift_mm is not None:
                vertices.write(_rows(thing, thing.binding.moved(thing.vertices_mm, skin_shift_mm)).tobytes())
            matter = thing.material
            set_uniforms(
                self._solid,
                albedo=matter.albedo,
                second=matter.second,
                f0=matter.f0,
                roughness=matter.roughness,
                scatter=matter.scatter,
                scale_mm=matter.scale_mm,
                pattern=matter.pattern,
            )
            if not thing.open:
                self._context.enable(moderngl.CULL_FACE)
            array.render()
            self._context.disable(moderngl.CULL_FACE)


def _rows(thing: Accessory, vertices_mm: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Interleaved position, normal, coordinates (V, 8)."""
    moved = thing.vertices_mm if vertices_mm is None else vertices_mm
    return np.ascontiguousarray(np.concatenate([moved, thing.normals, thing.coords], axis=1), np.float32)


class WearBuffers:
    """One person's accessories on the GPU."""

    def __init__(self, arrays, lens, glasses: Glasses | None, buffers: list[moderngl.Buffer]) -> None:
        self.arrays: list[tuple[moderngl.VertexArray, moderngl.Buffer, Accessory]] = arrays
        self.lens: moderngl.VertexArray | None = lens
        self.glasses = glasses
        self._buffers = buffers

    def release(self) -> None:
        """Free the GPU's memory."""
        for array, _, _ in self.arrays:
            array.release()
        if self.lens is not None:
            self.lens.release()
        for buffer in self._buffers:
            buffer.release()
