"""The child process of `gaze bench`: from the start of Python to the first estimate, and peak memory.

Run as ``python -m deploy.bench.start PICTURE.npy SETTINGS.json``; prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

MORE_FRAMES = 60


def main() -> int:
    """Measure in this process. ``finished_unix_s`` is when the first estimate was there."""
    from deploy.native_logs import quieten

    quieten()
    import numpy as np

    from deploy.pipeline import Pipeline
    from gaze.camera import Camera
    from gaze.estimator import GazeEstimator
    from gaze.types import Frame

    image = np.load(sys.argv[1])
    settings = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    height, width = image.shape[:2]
    with GazeEstimator.create(Camera.guessed(width, height), **settings) as estimator:
        pipeline = Pipeline(estimator)
        pipeline.process(Frame(image, 0, 0.0))
        finished = time.time()
        for index in range(1, MORE_FRAMES):
            pipeline.process(Frame(image, index, index / 30.0))
    from deploy.machine import peak_memory_mb

    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    print(json.dumps({"finished_unix_s": finished, "peak_rss_mb": peak_memory_mb(), "modules": loaded}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
