"""Draws a posed head into a view: linear RGB with coverage, by OpenGL."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack

import moderngl
import numpy as np
from numpy.typing import NDArray

from gaze.errors import GazeError
from gaze.synthesis.accessory import Accessory
from gaze.synthesis.dressed import DressedPerson
from gaze.synthesis.expression import skin_normals
from gaze.synthesis.eye_uniforms import eye_uniforms
from gaze.synthesis.eyes import (
    CORNEA_INDEX,
    CORNEA_RADIUS_MM,
    CORNEA_TO_ROTATION_MM,
    IRIS_TO_ROTATION_MM,
    SCLERA_RADIUS_MM,
)
from gaze.synthesis.features import ALL_FEATURES, Features
from gaze.synthesis.gl import (
    column_major,
    create_context,
    load_program,
    noise_texture,
    release_context,
    set_uniforms,
)
from gaze.synthesis.hair_pass import HairPass
from gaze.synthesis.head_buffers import HeadBuffers, in_front
from gaze.synthesis.lashes import LashBuilder, Lashes
from gaze.synthesis.lid_edges import soften_lids
from gaze.synthesis.light import LightRig
from gaze.synthesis.mesh import HeadMesh
from gaze.synthesis.posed_head import PosedHead
from gaze.synthesis.render_targets import RenderTargets
from gaze.synthesis.skin_finish import SkinFinish
from gaze.synthesis.skin_pass import SkinPass
from gaze.synthesis.torso import TORSO
from gaze.synthesis.view import View, projection_of
from gaze.synthesis.visibility import Visibility
from gaze.synthesis.wear_pass import WearPass

# Texture units, and the shaders' names of those maps that skin, eyes, lashes and mouth share.
_ALBEDO, _DETAIL, _ATLAS, _NOISE, _SCENE, _STRANDS, _FACTS = range(7)
_MAPS = {"albedo_map": _ALBEDO, "detail_map": _DETAIL, "light_atlas": _ATLAS, "noise_map": _NOISE}
_LIPS_PARTING = ("mouthUpperUp", "mouthLowerDown", "mouthSmile")


class HeadRenderer:
    """Holds the context, the mesh on the GPU and the programs; renders squares, mostly of ``size_px``.

    Use it in a ``with``, or close it: nothing else gives the context's memory back.
    """

    def __init__(
        self, assets_dir: str | os.PathLike[str], size_px: int, features: Features = ALL_FEATURES
    ) -> None:
        """Raises DataError without the head model, RuntimeUnavailableError without EGL."""
        self.mesh = HeadMesh.load(assets_dir)
        self.normals_of = skin_normals(self.mesh)
        self.size_px = size_px
        self._features = features
        self._lash_builder = LashBuilder(self.mesh)
        self._atlases: dict[str, moderngl.Texture] = {}
        self._targets: dict[int, RenderTargets] = {}
        self._closed = False
        self.context = create_context()
        with ExitStack() as opened:
            opened.callback(self.close)
            neutral_normals = self.normals_of(self.mesh.vertices_mm)
            self.visibility = Visibility(self.context, self.mesh, neutral_normals)
            self._noise = noise_texture(self.context)
            shadows = self.visibility if features.self_shadow else None
            self._buffers = HeadBuffers(self.context, self.mesh, shadows)
            self._skin = SkinPass(self.context, self.mesh, self._buffers, _MAPS, _FACTS)
            self._make_eyes_and_mouth()
            self.hair = HairPass(self.context, _ATLAS, _STRANDS)
            self.wear = WearPass(self.context, _ATLAS, _SCENE)
            opened.pop_all()

    def close(self) -> None:
        """Give the context back, and with it all that was made for it; closing twice is harmless."""
        if not self._closed:
            self._closed = True
            release_context(self.context)

    def __enter__(self) -> HeadRenderer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def refuse_closed(self) -> None:
        """Raises GazeError: the renderer is closed."""
        if self._closed:
            raise GazeError("the renderer is closed; draw inside its `with`, or make another")

    def _make_eyes_and_mouth(self) -> None:
        context, mesh, buffers = self.context, self.mesh, self._buffers
        self._eye = load_program(context, "eye.vert", "eye.frag")
        self._ribbon = load_program(context, "ribbon.vert", "ribbon.frag")
        self._teeth = load_program(context, "plain.vert", "teeth.frag")
        for program in (self._eye, self._ribbon, self._teeth):
            set_uniforms(program, **_MAPS)
        set_uniforms(
            self._eye,
            sclera_radius=SCLERA_RADIUS_MM,
            cornea_radius=CORNEA_RADIUS_MM,
            cornea_to_rotation=CORNEA_TO_ROTATION_MM,
            iris_to_rotation=IRIS_TO_ROTATION_MM,
            index_ratio=float(np.float32(1.0) / np.float32(CORNEA_INDEX))
            if self._features.refraction
            else 1.0,
            mirroring=float(self._features.eye_reflections),
        )

        def indices(triangles: NDArray[np.int32], facing: float) -> moderngl.Buffer:
            seen = in_front(mesh, triangles, facing)
            return context.buffer(np.ascontiguousarray(seen, np.int32).tobytes())

        layout = [buffers.position, buffers.visibility]
        self._eye_arrays = [
            context.vertex_array(self._eye, layout, indices(triangles, facing=0.0))
            for triangles in mesh.eyeball_triangles
        ]
        layout = [buffers.position, buffers.normal]
        self._teeth_array, self._gum_array = (
            context.vertex_array(self._teeth, layout, indices(triangles, facing=0.1))
            for triangles in (mesh.teeth_triangles, mesh.gum_triangles)
        )

    def render(
        self,
        dressed: DressedPerson,
        head: PosedHead,
        view: View,
        rig: LightRig,
        finish: SkinFinish,
        held: Sequence[Accessory] = (),
    ) -> NDArray[np.float32]:
        """Linear RGB and coverage (S, S, 4) of a posed head, S as in the view; the first row is the top.

        ``held`` are things of this picture alone. Other contexts of the process may be in use in between.

        Raises:
            GazeError: the renderer is closed.
        """
        self.refuse_closed()
        with self.context:
            return self._draw(dressed, head, view, rig, finish, held)

    def _draw(self, dressed, head, view, rig, finish, held) -> NDArray[np.float32]:
        context = self.context
        projection = projection_of(view)
        targets = self._targets_of(view.size_px)
        self._buffers.write(head, rig, finish.orbit_stops)
        if rig.environment.name not in self._atlases:
            self._atlases[rig.environment.name] = LightRig.texture(context, rig.environment)
        self._atlases[rig.environment.name].use(_ATLAS)
        self._noise.use(_NOISE)
        dressed.albedo.use(_ALBEDO)
        dressed.detail.use(_DETAIL)
        for program in (self._eye, self._ribbon):
            _set_scene(program, rig, projection)
        targets.picture.use()
        targets.picture.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)
        above_torso = any(each.name == TORSO for each in held)
        self._skin.draw(targets, dressed, head, view, projection, rig, finish, above_torso)
        self._draw_mouth(head, rig, projection)
        context.enable(moderngl.CULL_FACE)
        for side in (0, 1):
            values = eye_uniforms(self.mesh, dressed.person, head, side)
            set_uniforms(self._eye, **values, lid_shade=finish.lid_shade, lash_shade=finish.lash_shade)
            self._eye_arrays[side].render()
        context.disable(moderngl.CULL_FACE)
        if self._features.lashes:
            self._draw_lashes(targets.picture, dressed.lashes, head, view)
        self.hair.draw(dressed.hair, head.R_cam_head, head.t_cam_mm, projection, rig)
        self.wear.draw(
            targets.picture,
            dressed.wear,
            head.R_cam_head,
            head.t_cam_mm,
            projection,
            rig,
            held=held,
            skin_shift_mm=head.skin_shift_mm,
        )
        data = targets.picture.read(components=4, dtype="f4")
        linear = np.frombuffer(data, np.float32).reshape(view.size_px, view.size_px, 4)
        return soften_lids(linear, self._lid_rims(head, view))

    def _lid_rims(self, head: PosedHead, view: View) -> list[NDArray[np.float64]]:
        """Where the lids touch the balls: a closed line of picture px (N, 2) for each eye."""
        rims = (np.r_[rings.inner_upper, rings.inner_lower[::-1]] for rings in self.mesh.eyelids)
        return [view.project(head.vertices_cam_mm[rim]) for rim in rims]

    def _targets_of(self, size_px: int) -> RenderTargets:
        """What squares of that size are drawn into; what was used once is kept."""
        if size_px not in self._targets:
            self._targets[size_px] = RenderTargets.make(self.context, size_px)
        return self._targets[size_px]

    def _draw_mouth(self, head: PosedHead, rig: LightRig, projection: NDArray[np.float32]) -> None:
        """Teeth, gums and tongue, where the lips part."""
        parted = head.weights.get("jawOpen", 0.0) + 0.5 * max(
            (head.weights.get(f"{name}_{side}", 0.0) for name in _LIPS_PARTING for side in "LR"), default=0.0
        )
        if parted < 0.05:
            return
        _set_scene(self._teeth, rig, projection)
        set_uniforms(self._teeth, albedo=(0.52, 0.47, 0.38), shadow=0.55)
        self._teeth_array.render()
        set_uniforms(self._teeth, albedo=(0.32, 0.09, 0.08), shadow=0.35)
        self._gum_array.render()

    def _draw_lashes(self, target: moderngl.Framebuffer, lashes: Lashes, head: PosedHead, view: View) -> None:
        mm_per_px = float(np.linalg.norm(head.face_centre_cam_mm)) / view.focal_px
        down, forward = head.R_cam_head[:, 1], -head.R_cam_head[:, 2]
        vertices, triangles = self._lash_builder.build(lashes, head.vertices_cam_mm, down, forward, mm_per_px)
        context = self.context
        context.enable(moderngl.BLEND)
        context.blend_func = (
            moderngl.SRC_ALPHA,
            moderngl.ONE_MINUS_SRC_ALPHA,
            moderngl.ONE,
            moderngl.ONE_MINUS_SRC_ALPHA,
        )
        target.depth_mask = False
        set_uniforms(self._ribbon, strand_colour=lashes.colour, shine=0.06)
        buffer = context.buffer(vertices.tobytes())
        index = context.buffer(triangles.tobytes())
        array = context.vertex_array(self._ribbon, [(buffer, "3f 4f", "position", "strand")], index)
        array.render()
        target.depth_mask = True
        for resource in (array, buffer, index):
            resource.release()


def _set_scene(program: moderngl.Program, rig: LightRig, projection: NDArray[np.float32]) -> None:
    """Give a program a picture's light and the matrix from the camera frame to clip space."""
    rig.write(program)
    program["view_projection"].write(column_major(projection))
