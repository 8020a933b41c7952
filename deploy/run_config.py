"""The settings of `gaze run`: flag over gaze.toml over default."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.gates import GateConfig
from deploy.run_options import DEFAULT_FILE, TABLE, make_parser
from deploy.smoothing import SmoothingConfig
from deploy.sources.pictures import picture_files
from gaze.errors import SourceError, UsageError
from gaze.files import read_text, spare_inputs
from gaze.model_spec import resolve_model, sidecar_path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


FIRST_CAMERA = "0"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Every setting of a run. Names are those of the flags, which gaze.toml uses too: they carry no units.

    ``size``: (width, height) px; ``fps``: pictures a second; ``frames``, ``threads``, ``max_faces``: counts;
    ``hfov``: degrees across the picture; ``smooth_min_cutoff``: Hz; ``smooth_beta``: Hz per rad/s;
    ``min_eye_open``: 0 closed to 1 open; ``min_sharpness``: see deploy.gates.sharpness; ``frozen_after``:
    seconds; ``max_sigma``: degrees. None: not wanted, or left to the machine, the source or the network's
    sidecar. What the others mean stands in the help of the flags (deploy.run_options).
    """

    source: str | None  # None: the demo chooses
    size: tuple[int, int] | None
    fps: float | None
    newest: bool
    wait: bool
    loop: bool
    frames: int | None
    demo: bool
    camera: str | None
    hfov: float | None
    model: str | None
    runtime: str
    device: str
    precision: str | None
    threads: int | None
    average_mirror: bool | None
    landmarks: str
    landmark_model: str | None
    max_faces: int
    smooth: bool
    smooth_min_cutoff: float
    smooth_beta: float
    min_eye_open: float
    min_sharpness: float
    frozen_after: float
    max_sigma: float
    profile: str | None
    event_method: str
    heatmap: str | None
    scanpath: str | None
    areas: str | None
    dwell: str | None
    window: bool | None
    mirror: bool | None
    show_landmarks: bool
    weight_map: bool
    timings: bool
    save: str | None
    jsonl: str | None
    csv: str | None
    out: str
    truth: str | None
    status_file: str | None
    watchdog: str
    progress: bool

    @property
    def gates(self) -> GateConfig:
        """The limits of the gates."""
        return GateConfig(self.min_eye_open, self.min_sharpness, self.frozen_after, self.max_sigma)

    @property
    def smoothing(self) -> SmoothingConfig | None:
        """The One Euro settings, None when smoothing is off."""
        return SmoothingConfig(self.smooth_min_cutoff, self.smooth_beta) if self.smooth else None


def parse_run(argv: Sequence[str] | None = None) -> RunConfig:
    """The settings of a call.

    Raises:
        UsageError: the TOML file is unreadable, has an unknown key or a wrong value, or options contradict.
    """
    parser = make_parser()
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--config")
    chosen = first.parse_known_args(argv)[0].config
    path = Path(chosen) if chosen is not None else DEFAULT_FILE
    if chosen is not None or path.is_file():
        parser.set_defaults(**_read_toml(path, parser))
    values = vars(parser.parse_args(argv))
    del values["config"]
    if values["source"] is None and not values["demo"]:
        values["source"] = FIRST_CAMERA
    for name, value in values.items():
        if value == "" and name != "source":
            # As of a variable of the shell that is not set: nothing would be recorded, without a word.
            raise UsageError(f"--{name.replace('_', '-')} is empty; give it a value, or leave it out")
    config = RunConfig(**values)
    if config.camera is not None and config.hfov is not None:
        raise UsageError("--camera and --hfov exclude each other: the file holds the field of view")
    if config.landmark_model is not None and config.landmarks == "mesh":
        raise UsageError("--landmark-model belongs to --landmarks tasks; mesh has its models built in")
    if [config.jsonl, config.csv].count("-") == 2:
        raise UsageError("--jsonl - and --csv - both want standard output; give one of them a file")
    if config.status_file == "-":
        raise UsageError("--status-file is rewritten every second; give it a file, not standard output")
    if config.profile is None and any((config.heatmap, config.scanpath, config.areas, config.dwell)):
        raise UsageError(
            "--heatmap, --scanpath, --areas and --dwell need --profile: without one there is no point of gaze"
        )
    if config.dwell is not None and config.areas is None:
        raise UsageError("--dwell writes the times of areas; give them with --areas areas.json")
    spare_inputs_of(config, path)
    return config


def spare_inputs_of(config: RunConfig, settings: Path = DEFAULT_FILE) -> None:
    """Refuse outputs that would overwrite each other, or a file that the run reads.

    Raises:
        UsageError: one would.
    """
    model = resolve_model(config.model)
    inputs = {
        "--source": [config.source, *_pictures_of(config.source)],
        "--model": [model, sidecar_path(model)],
        "--config": [settings],
        "--camera": [config.camera],
        "--landmark-model": [config.landmark_model],
        "--profile": [config.profile],
        "--areas": [config.areas],
        "--truth": [config.truth],
    }
    names = ("save", "jsonl", "csv", "heatmap", "scanpath", "dwell", "status_file")
    written = {f"--{name.replace('_', '-')}": getattr(config, name) for name in names}
    spare_inputs({name: path for name, path in written.items() if path != "-"}, inputs)


def _pictures_of(source: str | None) -> list[Path]:
    try:
        return picture_files(Path(source))[0] if source and Path(source).is_dir() else []
    except (OSError, SourceError):
        return []  # told when the source is opened


def _read_toml(path: Path, parser: argparse.ArgumentParser) -> dict[str, object]:
    try:
        content = tomllib.loads(read_text(path))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); check the path and its rights"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: is not TOML: {error}; write [{TABLE}], and below it name = value, text in quotes"
        ) from error
    # Other commands may have tables of their own; anything outside a table would be lost.
    if stray := [key for key, value in content.items() if not isinstance(value, dict)]:
        raise UsageError(f"{path}: {', '.join(stray)} must stand in a table; write [{TABLE}] above")
    actions = {action.dest: action for action in parser._actions if action.dest not in ("help", "config")}
    settings = {}
    for key, value in content.get(TABLE, {}).items():
        action = actions.get(key.replace("-", "_"))
        if action is None:
            raise UsageError(
                f"{path}: unknown key {key!r} in [{TABLE}]; known are {', '.join(sorted(actions))}"
            )
        settings[action.dest] = _converted(path, key, value, action)
    return settings


def _converted(path: Path, key: str, value: object, action: argparse.Action) -> object:
    if isinstance(action, argparse.BooleanOptionalAction):
        if not isinstance(value, bool):
            raise UsageError(f"{path}: {key} must be true or false, got {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UsageError(f"{path}: {key} must be a text or a number, got {value!r}")
    if "\0" in str(value):
        raise UsageError(f"{path}: {key} must be a text of one line, got {value!r}")
    try:
        converted = action.type(str(value)) if action.type is not None else str(value)
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise UsageError(f"{path}: {key} = {value!r}: {error}") from error
    if action.choices is not None and converted not in action.choices:
        raise UsageError(f"{path}: {key} must be one of {', '.join(action.choices)}, got {value!r}")
    return converted
