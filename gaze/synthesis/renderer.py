"""Draws a posed head into a view: linear RGB with coverage, by OpenGL."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from gaze.errors import GazeError
from gaze.synthesis.accessory import Accessory
from gaze.synthesis.culling import CulledArray
from gaze.synthesis.dressed import DressedPerson
from gaze.synthesis.expression import CLOTHES, SCALP_KIND, VertexNormals, skin_kind, skin_normals
from gaze.synthesis.eye_uniforms import eye_uniforms
from gaze.synthesis.gl import (
    column_major,
    create_context,
    load_program,
    noise_texture,
    release_context,
    set_uniforms,
)
from gaze.synthesis.hair_pass import HairPass
from gaze.synthesis.lashes import LashBuilder, Lashes
from gaze.synthesis.light import LAMPS, LightRig
from gaze.synthesis.mesh import EYEBALLS, MOUTH, SKIN_COUNT, HeadMesh
from gaze.synthesis.orbit import OrbitShade
from gaze.synthesis.posed_head import PosedHead
from gaze.synthesis.skin_finish import SkinFinish
from gaze.synthesis.torso import TORSO, within_collar
from gaze.synthesis.view import View
from gaze.synthesis.visibility import Visibility
from gaze.synthesis.wear_pass import WearPass

NEAR_MM, FAR_MM = 60.0, 6000.0
BEHIND_EARS_MM = 40.0
_ALBEDO, _DETAIL, _ATLAS, _NOISE, _SCENE, _STRANDS, _FACTS = range(7)
_LIPS_PARTING = ("mouthUpperUp", "mouthLowerDown", "mouthSmile")


@dataclass(frozen=True, slots=True)
class _Targets:
    """What squares of one size are drawn into: the picture, and what is known of the skin in each of its
    pixels before it is lit, which has the picture's depth."""

    picture: moderngl.Framebuffer
    skin: moderngl.Framebuffer
    skin_facts: moderngl.Texture

    @classmethod
    def make(cls, context: moderngl.Context, size_px: int) -> _Targets:
        size = (size_px, size_px)
        colour, depth = context.texture(size, 4, dtype="f4"), context.depth_renderbuffer(size)
        facts = context.texture(size, 4, dtype="u4")
        facts.filter = (moderngl.NEAREST, moderngl.NEAREST)
        return cls(context.framebuffer([colour], depth), context.framebuffer([facts], depth), facts)


class HeadRenderer:
    """Holds the context, the mesh on the GPU and the programs; renders squares, mostly of ``size_px``.

    Use it in a ``with``, or close it: nothing else gives the context's memory back.
    """

    def __init__(self, assets_dir: str | os.PathLike[str], size_px: int) -> None:
        """Raises DataError without the head model, RuntimeUnavailableError without EGL."""
        self.mesh = HeadMesh.load(assets_dir)
        self.normals_of = skin_normals(self.mesh)
        self.size_px = size_px
        self._lash_builder = LashBuilder(self.mesh)
        self._orbit_shade = OrbitShade(self.mesh)
        mouth_triangles = np.concatenate([self.mesh.gum_triangles, self.mesh.teeth_triangles])
        mouth_normals = VertexNormals(mouth_triangles, MOUTH.stop)(self.mesh.vertices_mm)
        self._mouth_normals = mouth_normals[MOUTH]
        self._atlases: dict[str, moderngl.Texture] = {}
        self._targets: dict[int, _Targets] = {}
        self._closed = False
        self.context = create_context()
        with ExitStack() as opened:
            opened.callback(self.close)
            neutral_normals = self.normals_of(self.mesh.vertices_mm)
            self.visibility = Visibility(self.context, self.mesh, neutral_normals)
            self._noise = noise_texture(self.context)
            self._make_programs()
            self._make_buffers()
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

    def _make_programs(self) -> None:
        self._surface = load_program(self.context, "surface.vert", "surface.frag")
        # A software rasteriser goes through lamps that are not there, too: one program for each number.
        self._skins = [
            load_program(self.context, "whole.vert", "skin.frag", max(count, 1)) for count in range(LAMPS + 1)
        ]
        self._eye = load_program(self.context, "eye.vert", "eye.frag")
        self._ribbon = load_program(self.context, "ribbon.vert", "ribbon.frag")
        self._teeth = load_program(self.context, "plain.vert", "teeth.frag")
        for program in (*self._skins, self._eye, self._ribbon, self._teeth):
            set_uniforms(
                program, albedo_map=_ALBEDO, detail_map=_DETAIL, light_atlas=_ATLAS, noise_map=_NOISE
            )

        for program in self._skins:
            set_uniforms(program, fact_map=_FACTS)
        self._whole_pictures = [self.context.vertex_array(program, []) for program in self._skins]

    def _make_buffers(self) -> None:
        context, mesh = self.context, self.mesh
        count = len(mesh.vertices_mm)
        self._positions = context.buffer(reserve=count * 12, dynamic=True)
        self._normals = context.buffer(reserve=count * 12, dynamic=True)
        self._seen = context.buffer(reserve=count * 16, dynamic=True)
        fixed = np.zeros((count, 3), np.float32)
        fixed[:, :2] = mesh.uv
        kind = skin_kind(mesh.vertices_mm)
        fixed[:SKIN_COUNT, 2] = kind
        self._fixed = context.buffer(fixed.tobytes())

        def indices(triangles: NDArray[np.int32]) -> moderngl.Buffer:
            return context.buffer(np.ascontiguousarray(triangles, np.int32).tobytes())

        skin_triangles = _in_front(
            mesh, np.concatenate([mesh.face_triangles, mesh.scalp_triangles]), facing=-1.0
        )
        position = (self._positions, "3f", "position")
        normal = (self._normals, "3f", "normal")
        seen = (self._seen, "4f", "visibility")
        layout = [position, normal, (self._fixed, "2f 1f", "uv", "kind"), seen]
        self._skin_array = CulledArray(context, self._surface, layout, skin_triangles)
        # The mesh has shoulders that turn with the head: over a torso its bare neck alone is drawn.
        clothed = kind == CLOTHES
        fixed[:SKIN_COUNT, 2][clothed] = SCALP_KIND
        self._fixed_bare = context.buffer(fixed.tobytes())
        shoulders = (clothed & ~within_collar(mesh.vertices_mm[:SKIN_COUNT]))[skin_triangles].any(axis=1)
        layout = [position, normal, (self._fixed_bare, "2f 1f", "uv", "kind"), seen]
        self._skin_above_torso = CulledArray(context, self._surface, layout, skin_triangles[~shoulders])
        self._eye_arrays = [
            context.vertex_array(self._eye, [position, seen], indices(_in_front(mesh, triangles, facing=0.0)))
            for triangles in mesh.eyeball_triangles
        ]
        self._teeth_array = context.vertex_array(
            self._teeth, [position, normal], indices(_in_front(mesh, mesh.teeth_triangles, facing=0.1))
        )
        self._gum_array = context.vertex_array(
            self._teeth, [position, normal], indices(_in_front(mesh, mesh.gum_triangles, facing=0.1))
        )

    def render(
        self,
        dressed: DressedPerson,
        head: PosedHead,
        pupil_radius_mm: float,
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
            return self._draw(dressed, head, pupil_radius_mm, view, rig, finish, held)

    def _draw(self, dressed, head, pupil_radius_mm, view, rig, finish, held) -> NDArray[np.float32]:
        context = self.context
        projection = projection_of(view)
        self._use_targets(view.size_px)
        visibility = self._visibility_towards_light(head, rig)
        visibility *= self._orbit_shade(finish.orbit_stops)[:, None]
        vertices_cam_mm = np.ascontiguousarray(head.vertices_cam_mm, np.float32)
        self._positions.write(vertices_cam_mm)
        self._normals.write(np.ascontiguousarray(head.normals_cam, np.float32))
        mouth_normals = self._mouth_normals @ head.R_cam_head.T.astype(np.float32)
        self._normals.write(np.ascontiguousarray(mouth_normals), offset=MOUTH.start * 12)
        self._seen.write(visibility)
        if rig.environment.name not in self._atlases:
            self._atlases[rig.environment.name] = LightRig.texture(context, rig.environment)
        self._atlases[rig.environment.name].use(_ATLAS)
        self._noise.use(_NOISE)
        dressed.albedo.use(_ALBEDO)
        dressed.detail.use(_DETAIL)
        for program in (self._eye, self._ribbon):
            _set_scene(program, rig, projection)
        self._target.use()
        self._target.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)
        skin = self._skin_above_torso if any(each.name == TORSO for each in held) else self._skin_array
        self._draw_skin(skin, dressed, vertices_cam_mm, view, projection, rig, finish)
        self._draw_mouth(head, rig, projection)
        context.enable(moderngl.CULL_FACE)
        for side in (0, 1):
            values = eye_uniforms(self.mesh, dressed.person, head, side, pupil_radius_mm)
            set_uniforms(self._eye, **values, lid_shade=finish.lid_shade, lash_shade=finish.lash_shade)
            self._eye_arrays[side].render()
        context.disable(moderngl.CULL_FACE)
        self._draw_lashes(dressed.lashes, head, view)
        self.hair.draw(dressed.hair, head.R_cam_head, head.t_cam_mm, projection, rig)
        self.wear.draw(
            self._target,
            dressed.wear,
            head.R_cam_head,
            head.t_cam_mm,
            projection,
            rig,
            held=held,
            skin_shift_mm=head.skin_shift_mm,
        )
        data = self._target.read(components=4, dtype="f4")
        return np.frombuffer(data, np.float32).reshape(view.size_px, view.size_px, 4)

    def _use_targets(self, size_px: int) -> None:
        """Draw into squares of that size from now on; those that were used once are kept."""
        if size_px not in self._targets:
            self._targets[size_px] = _Targets.make(self.context, size_px)
        targets = self._targets[size_px]
        self._target, self._skin_target, self._skin_facts = (
            targets.picture,
            targets.skin,
            targets.skin_facts,
        )

    def _draw_skin(self, skin, dressed, vertices_cam_mm, view, projection, rig, finish) -> None:
        """Fill the pixels' facts triangle by triangle, then light each pixel of skin once."""
        context = self.context
        self._skin_target.use()
        self._skin_target.clear(0.0, 0.0, 0.0, 0.0)
        self._surface["view_projection"].write(column_major(projection))
        # The first row is the top, which turns the winding round.
        context.front_face = "cw"
        context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        skin.render(vertices_cam_mm[:SKIN_COUNT], projection)
        self._target.use()
        # Only where there is skin before the farthest depth: what is behind it costs nothing.
        context.enable_only(moderngl.DEPTH_TEST)
        context.depth_func = ">"
        self._target.depth_mask = False
        self._skin_facts.use(_FACTS)
        program = self._skins[len(rig.lamps)]
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
        self._target.depth_mask = True
        context.depth_func = "<"

    def _visibility_towards_light(self, head: PosedHead, rig: LightRig) -> NDArray[np.float32]:
        """(N, 4): openness to the surroundings, then how much of each lamp a vertex sees."""
        values = np.ones((len(self.mesh.vertices_mm), 4), np.float32)
        rows = self.visibility.openness
        values[:SKIN_COUNT, 0] = rows[:SKIN_COUNT]
        eyes = self.visibility.rows_of_eyeballs
        for ball, part in zip(EYEBALLS, eyes, strict=True):
            values[ball, 0] = rows[part]
        directions = rig.lamp_directions_cam()
        if len(directions):
            towards = self.visibility.towards(directions @ head.R_cam_head)
            columns = slice(1, 1 + len(directions))
            values[:SKIN_COUNT, columns] = towards[:SKIN_COUNT]
            for ball, part in zip(EYEBALLS, eyes, strict=True):
                values[ball, columns] = towards[part]
        return values

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

    def _draw_lashes(self, lashes: Lashes, head: PosedHead, view: View) -> None:
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
        self._target.depth_mask = False
        set_uniforms(self._ribbon, strand_colour=lashes.colour, shine=0.06)
        buffer = context.buffer(vertices.tobytes())
        index = context.buffer(triangles.tobytes())
        array = context.vertex_array(self._ribbon, [(buffer, "3f 4f", "position", "strand")], index)
        array.render()
        self._target.depth_mask = True
        for resource in (array, buffer, index):
            resource.release()


def _set_scene(program: moderngl.Program, rig: LightRig, projection: NDArray[np.float32]) -> None:
    """Give a program a picture's light and the matrix from the camera frame to clip space."""
    rig.write(program)
    program["view_projection"].write(column_major(projection))


def _in_front(mesh: HeadMesh, triangles: NDArray[np.int32], facing: float) -> NDArray[np.int32]:
    """The triangles that a crop can show: not behind the ears, not turned away.

    ``facing`` is the least share of the outward normal that points forwards. Neighbours come one after the
    other, so that a vertex is transformed once for most of its triangles.
    """
    corners = mesh.vertices_mm[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    centre = corners.mean(axis=1)
    kept = (centre[:, 2] < BEHIND_EARS_MM) & (-normals[:, 2] >= facing)
    triangles = triangles[kept]
    return triangles[np.argsort(triangles.min(axis=1), kind="stable")]


def rays_of(view: View) -> NDArray[np.float64]:
    """(3, 3): a pixel (x, y, 1) to the camera-frame ray through it, whose depth along the view is 1."""
    x, y = view.middle_px
    back = np.array([[1.0, 0.0, -x], [0.0, 1.0, -y], [0.0, 0.0, view.focal_px]]) / view.focal_px
    return view.R_norm_cam.T @ back


def projection_of(view: View) -> NDArray[np.float32]:
    """The matrix (4, 4) from camera-frame mm to clip space; the first row read is the top."""
    scale = 2.0 * view.focal_px / view.size_px
    # Pixel centres lie at whole numbers, so the picture spans -0.5 .. size - 0.5.
    across, down = ((2.0 * middle + 1.0) / view.size_px - 1.0 for middle in view.middle_px)
    project = np.array(
        [
            [scale, 0.0, across, 0.0],
            [0.0, scale, down, 0.0],
            [
                0.0,
                0.0,
                (FAR_MM + NEAR_MM) / (FAR_MM - NEAR_MM),
                -2.0 * FAR_MM * NEAR_MM / (FAR_MM - NEAR_MM),
            ],
            [0.0, 0.0, 1.0, 0.0],
        ]
    )
    turn = np.eye(4)
    turn[:3, :3] = view.R_norm_cam
    return (project @ turn).astype(np.float32)
