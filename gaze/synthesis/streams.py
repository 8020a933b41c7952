"""Random streams: the parts of what a seed decides, each drawn for itself, so that one can change alone.

A number here is part of what a seed means: another number is another picture. Seeds of people, of crops and
of clips are different things, so that one number may stand for something of each.
"""

from __future__ import annotations

import numpy as np

# Of a person's seed: what one is like, and by how much the head pose is taken to be too far away.
PERSON_SHAPE, PERSON_EYES, PERSON_LIDS, PERSON_SKIN, PERSON_HAIR, PERSON_WEAR, PERSON_POSE_HABIT = range(7)
# Of a person's seed: how what was chosen there is painted or grown.
LASHES, SKIN_PAINT, HAIR_STRANDS, CLOTH = (
    1000 + chosen for chosen in (PERSON_EYES, PERSON_SKIN, PERSON_HAIR, PERSON_WEAR)
)

# Of a training crop's seed: webcam, pose and view; light and background; sensor; expression, finish of the
# skin and what is held; blinks and late lids; the live pipeline.
CROP_POSE, CROP_LIGHT, CROP_CAMERA, CROP_FACE, CROP_LIDS, CROP_PIPELINE = range(100, 106)

# Of a stand-in picture's seed: people's pictures come from so many streams, from the first on.
LAPTOP, LAPTOP_COUNT = 300, 7

# Of a clip's seed: one for each of its people, from the first on.
CLIP = 400

# Of a single webcam picture's seed.
WEBCAM, WEBCAM_LATE_LIDS = 500, 501

# Of a person's seed: the light in which a rigid table is measured.
RIGID_TABLE = 500


def stream(seed: int, number: int) -> np.random.Generator:
    """The random generator of one part of one seed."""
    return np.random.default_rng([int(seed), number])
