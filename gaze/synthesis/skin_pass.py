"""Draws the skin by OpenGL with deferred shading: first what is known of it in each pixel, then its light."""

from __future__ import annotations

from collections.abc import Mapping

import moderngl
import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.culling import CulledArray
from gaze.synthesis.dressed import DressedPerson
from gaze.synthesis.expression import CLOTHES, SCALP_KIND, skin_kind
from gaze.synthesis.gl import column_major, load_program, set_uniforms
from gaze.synthesis.head_buffers import HeadBuffers, in_front
from gaze.synthesis.light import LAMPS, LightRig
from gaze.synthesis.mesh import SKIN_COUNT, HeadMesh
from gaze.synthesis.posed_head import PosedHead
from gaze.synthesis.render_targets import RenderTargets
from gaze.synthesis.skin_finish import SkinFinish
from gaze.synthesis.torso import within_collar
from gaze.synthesis.view import View, rays_of


class SkinPass:
    """The programs and the skin's triangles, which are drawn first of all."""

    def __init__(
        self,
        context: moderngl.Context,
        mesh: HeadMesh,
        buffers: HeadBuffers,
        maps: Mapping[str, int],
        fact_unit: int,
    ) -> None:
        """``maps``: units of the textures, by the shaders' names; ``fact_unit``: a unit that is free."""
        self._context = context
        self._fact_unit = fact_unit
        self._surface = load_program(context, "surface.vert", "surface.frag")
        # A software rasteriser goes through lamps that are not there, too: one program for each number.
        self._lit = [
            load_program(context, "whole.vert", "skin.frag", max(count, 1)) for count in range(LAMPS + 1)
        ]
        for program in self._lit:
            set_uniforms(program, **maps, fact_map=fact_unit)
        self._whole_pictures = [context.vertex_array(program, []) for program in self._lit]
        self._make_arrays(mesh, buffers)

    def _make_arrays(self, mesh: HeadMesh, buffers: HeadBuffers) -> None:
        def array(triangles: NDArray[np.int32], kind: NDArray[np.integer]) -> CulledArray:
            fixed = np.zeros((len(mesh.vertices_mm), 3), np.float32)
            fixed[:, :2] = mesh.uv
            fixed[:SKIN_COUNT, 2] = kind
            uv_and_kind = (self._context.buffer(fixed.tobytes()), "2f 1f", "uv", "kind")
            layout = [buffers.position, buffers.normal, uv_and_kind, buffers.visibility]
            return CulledArray(self._context, self._surface, layout, triangles)

        kind = skin_kind(mesh.vertices_mm)
        triangles = in_front(mesh, np.concatenate([mesh.face_triangles, mesh.scalp_triangles]), facing=-1.0)
        self._whole = array(triangles, kind)
        # The mesh has shoulders that turn with the head: over a torso its bare neck alone is drawn.
        clothed = kind == CLOTHES
        shoulders = (clothed & ~within_collar(mesh.vertices_mm[:SKIN_COUNT]))[triangles].any(axis=1)
        self._above_torso = array(triangles[~shoulders], np.where(clothed, SCALP_KIND, kind))

    def draw(
        self,
        targets: RenderTargets,
        dressed: DressedPerson,
        head: PosedHead,
        view: View,
        view_projection: NDArray[np.float32],
        rig: LightRig,
        finish: SkinFinish,
        above_torso: bool,
    ) -> None:
        """Fill the pixels' facts triangle by triangle, then light each pixel of skin once.

        The picture is in use afterwards. ``view_projection`` as in gaze.synthesis.view.projection_of.
        """
        context = self._context
        targets.skin.use()
        targets.skin.clear(0.0, 0.0, 0.0, 0.0)
        self._surface["view_projection"].write(column_major(view_projection))
        # The first row is the top, which turns the winding round.
        context.front_face = "cw"
        context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        vertices_cam_mm = np.ascontiguousarray(head.vertices_cam_mm[:SKIN_COUNT], np.float32)
        (self._above_torso if above_torso else self._whole).render(vertices_cam_mm, view_projection)
        targets.picture.use()
        # Only where there is skin before the farthest depth: what is behind it costs nothing.
        context.enable_only(moderngl.DEPTH_TEST)
        context.depth_func = ">"
        targets.picture.depth_mask = False
        targets.skin_facts.use(self._fact_unit)
        program = self._lit[len(rig.lamps)]
        rig.write(program)
        set_uniforms(
            program,
            cam_from_px=rays_of(view).T,
            px_mm=float(np.linalg.norm(view.centre_cam_mm)) / view.focal_px,
            body_albedo=dressed.body_albedo,
            cloth_albedo=dressed.cloth_albedo,
            mouth_albedo=(0.16, 0.035, 0.03),
            bump=finish.bump,
            oiliness=finish.oiliness,
        )
        self._whole_pictures[len(rig.lamps)].render(vertices=3)
        targets.picture.depth_mask = True
        context.depth_func = "<"
