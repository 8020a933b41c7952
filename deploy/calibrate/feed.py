"""Where the observations of a calibration come from: a camera or recording, or a simulated person."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from calibration.observation import Observation, observe
from calibration.screen import Screen
from calibration.session import Session
from calibration.simulated_person import PLAIN, perturbed_screen
from calibration.simulated_viewer import SimulatedViewer
from deploy.gates import GateConfig
from deploy.network_options import network_settings
from deploy.pipeline import Pipeline
from deploy.point_of_gaze import device_of, network_identity
from deploy.sources import Source, open_source, size_for_lens
from gaze.camera import Camera
from gaze.estimator import GazeEstimator

READ_S = 0.03
# A camera that gives nothing for so long is worth a word.
SILENT_S = 2.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What a calibration was made with."""

    camera: Camera
    camera_device: str
    model_name: str
    model_sha256: str

    def to_json(self) -> dict[str, object]:
        """For the file of a session."""
        return {
            **self.camera.as_json(),
            "camera_device": self.camera_device,
            "model_name": self.model_name,
            "model_sha256": self.model_sha256,
        }

    @classmethod
    def from_json(cls, content: dict[str, object]) -> Setup:
        """Read what to_json wrote.

        Raises:
            KeyError, TypeError, GazeError: it is something else.
        """
        names = (str(content[name]) for name in ("camera_device", "model_name", "model_sha256"))
        return cls(Camera.from_json(content), *names)


class Feed(Protocol):
    """Gives one observation after the other."""

    @property
    def setup(self) -> Setup:
        """What the observations are made with; after the first one."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""

    def next(self, session: Session | None) -> Observation | None:
        """The next observation; None when there is none yet."""


class CameraFeed:
    """Frames of a source through landmarks, head pose, network and gates."""

    def __init__(
        self, source: Source, estimator: GazeEstimator, device: str, gates: GateConfig | None = None
    ) -> None:
        self._source = source
        self._estimator = estimator
        self._device = device
        self._pipeline = Pipeline(estimator, gates=gates, sequence=source.sequence)
        self._last_s = 0.0
        self._last_clock_s = time.monotonic()

    @property
    def setup(self) -> Setup:
        """What the observations are made with; after the first one."""
        predictor = self._estimator.predictor
        name, identity = predictor.spec.name, network_identity(predictor)
        return Setup(self._estimator.camera, self._device, name, identity)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._source.ended

    def next(self, session: Session | None) -> Observation | None:
        """The next observation; None when there is none yet.

        Raises:
            SourceError: the source cannot be opened or broke off.
        """
        frame = self._source.read(READ_S)
        now = time.monotonic()
        if frame is None:
            silent_s = now - self._last_clock_s
            if self._source.ended or silent_s < SILENT_S:
                return None
            return Observation(self._last_s + silent_s, "no picture from the camera")
        self._last_s, self._last_clock_s = max(frame.t_s, self._last_s), now
        return observe(self._pipeline.process(frame).estimates, self._last_s)


class SimulatedFeed:
    """A simulated person in front of the screen; with ``real_time`` at the pace of a camera."""

    def __init__(self, seed: int, screen: Screen, real_time: bool) -> None:
        self._viewer = SimulatedViewer(seed, perturbed_screen(screen, seed), PLAIN)
        self._real_time = real_time
        self.t_s = 0.0
        self._start_s = time.monotonic()

    @property
    def setup(self) -> Setup:
        """No camera at all: an ordinary one is written down."""
        return Setup(Camera.guessed(1280, 720), "simulated", "simulated person", "simulated")

    @property
    def ended(self) -> bool:
        """A simulated person never tires."""
        return False

    def next(self, session: Session | None) -> Observation | None:
        """The next observation."""
        if session is not None:
            self._viewer.head_moves = session.stage == "head"
            self._viewer.go_to(session.position)
        return self.next_at(None if session is None else session.target_px(self.t_s))

    def next_at(self, target_px: tuple[float, float] | None) -> Observation:
        """The next observation, of a person who looks at a target."""
        self.t_s += 1.0 / 30.0
        if self._real_time:
            time.sleep(max(0.0, self._start_s + self.t_s - time.monotonic()))
        return self._viewer.observe(self.t_s, target_px)


@contextmanager
def open_feed(
    options: argparse.Namespace,
    camera: Callable[[], Camera],
    screen: Screen,
    real_time: bool = True,
    recorded: bool = False,
) -> Iterator[Feed]:
    """The simulated person of --simulate, or source, detector and network of the other flags.

    ``camera`` gives the intrinsics, where a camera is used, ``recorded`` if they are a profile's or a
    session's; ``screen`` and ``real_time`` are for a simulated person.

    Raises:
        GazeError: a part cannot be had.
    """
    if options.simulate is not None:
        yield SimulatedFeed(options.simulate, screen, real_time)
        return
    lens, text = camera(), options.source
    with (
        open_source(text, size=options.size or size_for_lens(text, lens, recorded)) as source,
        GazeEstimator.create(
            lens,
            **network_settings(options),
            # A second face must be seen to be refused.
            max_faces=2,
            static=not source.sequence,
        ) as estimator,
    ):
        yield CameraFeed(source, estimator, device_of(text), GateConfig(sigma_deg=options.max_sigma))
