"""Packing ICT-FaceKit's OBJ files: a small head made here, and the three real files."""

import gzip

import numpy as np
import pytest
from small_head import MOVED, SMALL

from gaze.errors import DataError
from gaze.synthesis.asset_checks import read_manifest
from gaze.synthesis.asset_files import sha256_of_array
from gaze.synthesis.pack_ict import NEUTRAL, gather, neutral_arrays, numbers_of, pack_ict, shape_of


def test_a_small_head():
    files = {NEUTRAL: SMALL, "jawOpen.obj": MOVED, "identity000.obj": SMALL, "identity001.obj": MOVED}
    arrays = gather(dict(pack_ict(list(files), files.__getitem__)))
    assert (
        arrays["vertices"].tolist() == np.float32([[0, 0, 0.5], [1, 0, 0], [1, 1, 0], [0, 1, -0.2]]).tolist()
    )
    assert arrays["quads"].tolist() == [[0, 1, 2, 3], [2, 1, 0, -1]]
    assert arrays["quad_uv"].tolist() == [[0, 1, 0, 1], [1, 0, 0, -1]]
    assert arrays["uv"].tolist() == [[0.25, 0.5], [1, 0]]
    assert [str(arrays["material_names"][k]) for k in arrays["material"]] == ["M_Skin", "M_Eye"]
    assert arrays["expression_names"].tolist() == ["jawOpen"]
    assert arrays["identity"].shape == (2, 4, 3) and arrays["identity"].dtype == np.float16
    assert np.argwhere(arrays["identity"]).tolist() == [[1, 2, 1]] and arrays["identity"][1, 2, 1] == 0.25


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>rate limit</html>", SMALL.replace(b"v 1 1 0", b"v 1 1"), SMALL.replace(b"usemtl", b"#"),
     SMALL.replace(b"f 3/2 2/1 1/1", b"f 3 2 1"), SMALL.replace(b"v 1 0 0", b"v 1 zero 0")],
    ids=["empty", "page", "two numbers", "no material", "no texture", "a word"],
)  # fmt: skip
def test_other_files_are_refused(content):
    with pytest.raises(DataError, match=NEUTRAL):
        neutral_arrays(content)


def test_a_head_with_a_vertex_less_is_refused():
    shorter = SMALL.replace(b"v 1 1 0\n", b"")
    with pytest.raises(DataError, match=r"identity000.obj: has 3 vertices, expected 4"):
        shape_of(shorter, numbers_of(SMALL, b"v ", 3, NEUTRAL), "identity000.obj")


@pytest.fixture(scope="module")
def packed_head(shared_dir):
    with np.load(shared_dir / "assets/ict_face/ict_face.npz") as data:
        return {name: data[name] for name in data.files}


def test_the_real_files_give_exactly_the_packed_arrays(shared_dir, packed_head):
    def read(name):
        return gzip.decompress((shared_dir / "assets/ict_face/upstream" / f"{name}.gz").read_bytes())

    files = dict(pack_ict(["identity000.obj", "eyeBlink_L.obj"], read))
    for name in ("vertices", "quads", "quad_uv", "uv", "material", "material_names"):
        mine, theirs = files[NEUTRAL][name], packed_head[name]
        assert mine.dtype == theirs.dtype and np.array_equal(mine, theirs), name
    blink = packed_head["expression_names"].tolist().index("eyeBlink_L")
    for name, theirs in (
        ("identity000.obj", packed_head["identity"][0]),
        ("eyeBlink_L.obj", packed_head["expression"][blink]),
    ):
        mine = files[name]["shape"]
        assert mine.dtype == theirs.dtype and mine.tobytes() == theirs.tobytes(), name
        # The manifest's checksums, which stand in for those of the files, know these arrays.
        sums = read_manifest()["ict_face"]["arrays"]
        assert sha256_of_array(mine) == sums[name]
