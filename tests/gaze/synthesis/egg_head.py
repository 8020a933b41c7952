"""A head shaped like an egg, with the 68 landmarks at people's places: enough mesh for skin and hair."""

from dataclasses import dataclass

import numpy as np

# Lateral and downward places of the landmarks 0..67 in mm, of an average face (head frame).
JAW = [(74, -36), (73, -15), (69, 5), (66, 24), (57, 45), (43, 62), (31, 69), (15, 73)]
BROW = [(58, -52), (49, -60), (38, -63), (24, -62), (12, -59)]
NOSE = [(0, -37), (0, -26), (0, -16), (0, -4)]
EYE = [(45, -34), (39, -39), (28, -39), (18, -33), (27, -31), (39, -31)]
OUTER_LIP = [(25, 35), (17, 28), (7, 24), (0, 25), (18, 41), (10, 43), (0, 44)]
INNER_LIP = [(22, 35), (10, 33), (0, 33), (11, 34), (0, 34)]


def landmark_places() -> np.ndarray:
    """(68, 2) x and y in Multi-PIE order: the subject's right (negative x) first."""

    def left(points):
        return [(x, y) for x, y in points]

    def right(points):
        return [(-x, y) for x, y in points]

    nose_base = [(-12, 11), (-6, 11), (0, 12), (6, 11), (12, 11)]
    left_eye = [EYE[3], EYE[2], EYE[1], EYE[0], EYE[5], EYE[4]]
    outer = right(OUTER_LIP[:4]) + left(OUTER_LIP[2::-1]) + left(OUTER_LIP[4:7]) + right(OUTER_LIP[5:3:-1])
    inner = right(INNER_LIP[:3]) + left(INNER_LIP[1::-1]) + left(INNER_LIP[3:]) + right(INNER_LIP[3:4])
    jaw = [*right(JAW), (0, 76), *left(JAW[::-1])]
    places = jaw + right(BROW) + left(BROW[::-1]) + NOSE + nose_base + right(EYE) + left_eye + outer + inner
    return np.array(places, float)


@dataclass(frozen=True)
class EggHead:
    """The parts of a HeadMesh that skin and hair read, and the landmarks' vertices."""

    vertices_mm: np.ndarray
    uv: np.ndarray
    face_triangles: np.ndarray
    scalp_triangles: np.ndarray
    landmarks68: np.ndarray


AXES_MM = np.array([80.0, 125.0, 105.0])
MIDDLE_MM = np.array([0.0, -18.0, 0.0])


def egg_head() -> EggHead:
    """An ellipsoid; its front half is the face with texture coordinates, the rest the scalp."""
    rows, columns = 121, 241
    theta = np.linspace(0.0, np.pi, rows)[:, None]
    phi = np.linspace(-np.pi, np.pi, columns)[None, :]
    unit = np.stack(
        [np.sin(theta) * np.sin(phi), -np.cos(theta) + 0 * phi, -np.sin(theta) * np.cos(phi)], axis=-1
    )
    vertices = (unit * AXES_MM + MIDDLE_MM).reshape(-1, 3)
    uv = np.stack(np.broadcast_arrays(0.5 + phi / np.pi * 0.95, 1.0 - theta / np.pi), -1).reshape(-1, 2)
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = np.concatenate(
        [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)]
    )
    front = (np.abs(np.broadcast_to(phi, (rows, columns)).ravel()[triangles]) < np.pi / 2).all(axis=1)
    front_vertices = np.flatnonzero(vertices[:, 2] < -5.0)
    places = landmark_places()
    nearest = [
        front_vertices[((vertices[front_vertices, :2] - place) ** 2).sum(axis=1).argmin()] for place in places
    ]
    return EggHead(
        vertices.astype(np.float32),
        uv.astype(np.float32),
        triangles[front].astype(np.int32),
        triangles[~front].astype(np.int32),
        np.array(nearest),
    )
