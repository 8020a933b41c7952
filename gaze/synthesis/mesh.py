"""The head mesh: ICT-FaceKit's geometry in the head frame of gaze.face_model, split into drawable parts.

Head frame: x to the subject's left, y down, z into the head, mm. ICT's own frame is cm, y up, z forward.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError
from gaze.synthesis.asset_checks import head_path, read_head
from gaze.synthesis.assets import FETCH

# Moves smaller than this are left out of a shape.
_STILL_MM = 0.02
# Most vertices that may stay still between two of a slice of ``moves``.
_STILL_BETWEEN = 512

ICT_TO_HEAD = np.array([10.0, -10.0, -10.0], dtype=np.float32)

VERTEX_COUNT = 26719
FACE = slice(0, 9409)
SCALP = slice(9409, 11248)
MOUTH_SOCKET = slice(11248, 13294)
EYE_SOCKETS = (slice(13294, 13678), slice(13678, 14062))
SKIN_COUNT = 14062
MOUTH = slice(14062, 21451)  # gums and tongue, then teeth
# Subject's left, then right; the sclera part of the ball is all that is drawn, the eye itself is shaded.
EYEBALLS = (slice(21451, 22221), slice(23021, 23791))
SIDES = ("L", "R")
# Of each side, the sign of x away from the nose.
OUTWARDS = (1.0, -1.0)

# fmt: off
LANDMARKS_68 = np.array([
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088,
    3443, 268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140,
    2075, 1147, 4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732,
    5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216,
    6207, 6470, 5517, 5966,
])
# fmt: on
# The six points of gaze.face_model, in its order.
SIX_POINTS = LANDMARKS_68[[36, 39, 42, 45, 48, 54]]


@dataclass(frozen=True, slots=True)
class EyelidRings:
    """Two rings of vertices round one eye, each as an upper and a lower half from inner to outer corner.

    ``inner`` touches the eyeball, ``margin`` is the front edge of the lid where the lashes grow.
    """

    inner_upper: NDArray[np.int32]
    inner_lower: NDArray[np.int32]
    margin_upper: NDArray[np.int32]
    margin_lower: NDArray[np.int32]


@dataclass(frozen=True)
class HeadMesh:
    """Geometry, shapes and topology, all in head-frame mm.

    ``vertices_mm`` (N, 3) neutral; ``identity_mm`` (100, N, 3); ``expressions`` name -> (vertex indices,
    deltas in mm); ``uv`` (N, 2) of the face's own tile, 0..1, v upwards; triangles (K, 3) int32.
    """

    vertices_mm: NDArray[np.float32]
    identity_mm: NDArray[np.float32]
    expressions: dict[str, tuple[NDArray[np.int32], NDArray[np.float32]]]
    uv: NDArray[np.float32]
    face_triangles: NDArray[np.int32]
    scalp_triangles: NDArray[np.int32]
    teeth_triangles: NDArray[np.int32]
    gum_triangles: NDArray[np.int32]
    eyeball_triangles: tuple[NDArray[np.int32], NDArray[np.int32]]
    eyelids: tuple[EyelidRings, EyelidRings]

    @classmethod
    def load(cls, assets_dir: str | os.PathLike[str]) -> HeadMesh:
        """Read ``ict_face/ict_face.npz`` below the assets folder.

        Raises:
            DataError: the file is missing, or its arrays are not those of the release.
        """
        path = head_path(assets_dir)
        try:
            return cls._from_arrays(read_head(assets_dir))
        except (KeyError, ValueError, IndexError) as error:
            raise DataError(f"{path}: not the packed head model ({error}); {FETCH} to mend it") from error

    @classmethod
    def _from_arrays(cls, data: dict[str, NDArray]) -> HeadMesh:
        if data["vertices"].shape != (VERTEX_COUNT, 3):
            raise ValueError(f"vertices are {data['vertices'].shape}, expected ({VERTEX_COUNT}, 3)")
        vertices = data["vertices"].astype(np.float32) * ICT_TO_HEAD
        quads, quad_uv = data["quads"], data["quad_uv"]
        material = data["material"]
        names = [str(name) for name in data["material_names"]]

        def of(name: str) -> NDArray[np.bool_]:
            return material == names.index(name)

        expressions = {}
        for name, delta in zip(data["expression_names"], data["expression"], strict=True):
            delta = delta.astype(np.float32) * ICT_TO_HEAD
            index = np.flatnonzero(np.abs(delta).max(axis=1) > _STILL_MM).astype(np.int32)
            expressions[str(name)] = (index, delta[index])
        uv = np.zeros((len(vertices), 2), np.float32)
        # Face and back of the head share border vertices: the face's coordinates are written last.
        for name in ("M_BackHead", "M_Face"):
            used = quads[of(name)] >= 0
            uv[quads[of(name)][used]] = data["uv"][quad_uv[of(name)][used]]
        eyelids = tuple(
            _eyelid_rings(vertices, quads[of("M_Face")], quads[of("M_BackHead")], k) for k in (0, 1)
        )
        return cls(
            vertices_mm=vertices,
            identity_mm=data["identity"].astype(np.float32) * ICT_TO_HEAD,
            expressions=expressions,
            uv=uv,
            face_triangles=_triangles(quads[of("M_Face")]),
            scalp_triangles=_triangles(quads[of("M_BackHead")]),
            teeth_triangles=_triangles(quads[of("M_Teeth")]),
            gum_triangles=_triangles(quads[of("M_GumsTongue")]),
            eyeball_triangles=(
                _triangles(quads[of("M_ScleraLeft")]),
                _triangles(quads[of("M_ScleraRight")]),
            ),
            eyelids=eyelids,
        )

    @cached_property
    def moves(self) -> dict[str, list[tuple[slice, NDArray[np.float32]]]]:
        """The expressions as slices of vertices: adding to a few slices is faster than to listed vertices."""
        return {name: _slices(index, delta) for name, (index, delta) in self.expressions.items()}


def _slices(index: NDArray[np.int32], delta: NDArray[np.float32]) -> list[tuple[slice, NDArray[np.float32]]]:
    """Moves of listed vertices (K,), ascending, as slices with a delta of zero where they have gaps."""
    breaks = np.flatnonzero(np.diff(index) > _STILL_BETWEEN) + 1
    result = []
    for listed, moved in zip(np.split(index, breaks), np.split(delta, breaks), strict=True):
        dense = np.zeros((listed[-1] + 1 - listed[0], 3), np.float32)
        dense[listed - listed[0]] = moved
        result.append((slice(int(listed[0]), int(listed[-1]) + 1), dense))
    return result


def _triangles(quads: NDArray[np.int32]) -> NDArray[np.int32]:
    """Split quads (a fourth index of -1 marks a triangle), keeping the outward winding in the head frame."""
    whole = quads[quads[:, 3] >= 0]
    # A flip of two axes keeps the handedness, so ICT's winding stays outward.
    return np.concatenate([quads[:, [0, 1, 2]], whole[:, [0, 2, 3]]]).astype(np.int32)


def _eyelid_rings(
    vertices: NDArray[np.float32], face_quads: NDArray[np.int32], back_quads: NDArray[np.int32], side: int
) -> EyelidRings:
    """Rings of face vertices outwards from the border with the eye socket (side 0 left, 1 right)."""
    socket = np.zeros(len(vertices), bool)
    socket[EYE_SOCKETS[side]] = True
    used = back_quads >= 0
    touches = (socket[back_quads] & used).any(axis=1)
    border = back_quads[touches][(~socket[back_quads[touches]]) & used[touches]]
    rings = [np.unique(border)]
    seen = set(rings[0].tolist())
    for _ in range(4):
        grown = face_quads[np.isin(face_quads, rings[-1]).any(axis=1)]
        fresh = sorted({int(v) for v in grown.ravel() if v >= 0} - seen)
        seen.update(fresh)
        rings.append(np.array(fresh))
    inner_upper, inner_lower = _split_ring(vertices, rings[1], side)
    margin_upper, margin_lower = _split_ring(vertices, rings[4], side)
    return EyelidRings(inner_upper, inner_lower, margin_upper, margin_lower)


def _split_ring(vertices: NDArray[np.float32], ring: NDArray[np.int32], side: int):
    """(upper, lower) halves of a ring, each from the inner to the outer corner."""
    points = vertices[ring]
    lateral = points[:, 0] * OUTWARDS[side]
    inner, outer = points[lateral.argmin()], points[lateral.argmax()]
    along = (lateral - lateral.min()) / (lateral.max() - lateral.min())
    line_y = inner[1] + along * (outer[1] - inner[1])
    halves = []
    for half in (points[:, 1] <= line_y, points[:, 1] >= line_y):
        index = ring[half]
        halves.append(index[np.argsort(lateral[half])].astype(np.int32))
    return halves[0], halves[1]
