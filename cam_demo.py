"""The live demo: gaze arrows on the webcam, or on the clip that comes with the package.

Takes the options of `gaze run`.
"""

import sys

from gaze.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["run", "--demo", "--smooth", *sys.argv[1:]]))
