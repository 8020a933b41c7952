"""The steps of a calibration: a look at one target, a moving target, a moving head, and the pauses between.

A step is begun with a time, fed with frames until ``finished``, and says what to show. It opens no window
and reads no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from calibration.look import LookCollector, LookSettings
from calibration.observation import Observation, samples_of
from calibration.samples import Samples
from calibration.scene import Disc, Scene, Text, target_discs
from calibration.targets import pursuit_path

SizePx = tuple[int, int]
# Frames of a moving target or head are averaged over this long.
CHUNK_S = 0.4
# So many seconds of movement are held out together when models are compared.
HELD_OUT_S = 2.5
# With a smaller part of usable frames a movement was not looked at.
USABLE_PART = 0.5
# Somebody who is not seen for so long blinks, and is still there.
BLINK_S = 0.5


class LookStep:
    """One fixed target. ``place`` numbers the target's place, ``look`` the look."""

    def __init__(self, target_px: tuple[float, float], place: int, look: int, settings: LookSettings) -> None:
        self.target_px = target_px
        self.place = place
        self.look = look
        self.settings = settings
        self.collector: LookCollector | None = None

    def begin(self, t_s: float) -> None:
        """Show the target from now on."""
        self.collector = LookCollector(t_s, self.settings)

    @property
    def finished(self) -> bool:
        """Whether the look is over."""
        return self.collector is not None and self.collector.finished

    @property
    def failed(self) -> str | None:
        """Why the look failed, if it did."""
        return None if self.collector is None else self.collector.failed

    def feed(self, observation: Observation, confirmed: bool) -> None:
        """Take one frame."""
        self.collector.feed(observation, confirmed)

    def samples(self) -> Samples:
        """The rows of an accepted look; none of a failed one."""
        if self.collector is None or not self.collector.accepted:
            return Samples.empty()
        taken = self.collector.observations
        return samples_of(taken, [self.target_px] * len(taken), self.look, self.place)

    def scene(self, t_s: float, size_px: SizePx) -> Scene:
        """The shrinking target."""
        collector, settings = self.collector, self.settings
        shrink = 1.0 - (t_s - collector.start_s) / settings.settle_s
        discs = target_discs(*self.target_px, size_px, shrink, live=collector.progress > 0)
        texts = ()
        if collector.problem is not None and t_s - collector.start_s > settings.settle_s + 0.5:
            texts = (_hint(collector.problem, self.target_px, size_px),)
        return Scene(size_px, discs, texts)


class MovingStep:
    """A target that glides over the screen, or one that stands while the head moves.

    ``path`` gives the target as fractions of the screen at a time since the start.
    """

    def __init__(
        self,
        path: Callable[[float], tuple[float, float]],
        duration_s: float,
        first_place: int,
        first_look: int,
        size_px: SizePx,
        prompts: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.duration_s = duration_s
        self.first_place = first_place
        self.first_look = first_look
        self.size_px = size_px
        self.prompts = prompts
        self.start_s: float | None = None
        self._taken: list[Observation] = []
        self._problems: Counter[str] = Counter()
        self._problem: str | None = None
        self._now_s = 0.0
        self.failed: str | None = None

    def begin(self, t_s: float) -> None:
        """Start the movement."""
        self.start_s = self._now_s = t_s

    @property
    def finished(self) -> bool:
        """Whether the time is over."""
        return self.start_s is not None and self._now_s - self.start_s >= self.duration_s

    def feed(self, observation: Observation, confirmed: bool) -> None:
        """Take one frame."""
        self._now_s = observation.t_s
        self._problem = observation.problem
        if self.finished:
            self.failed = self._too_few()
        elif observation.problem is None:
            self._taken.append(observation)
        else:
            self._problems[observation.problem] += 1

    def _too_few(self) -> str | None:
        count = len(self._taken) + self._problems.total()
        if len(self._taken) > 0 and len(self._taken) >= USABLE_PART * count:
            return None
        reason = self._problems.most_common(1)[0][0] if self._problems else "no frame came"
        return f"{len(self._taken)} of {count} frames were usable ({reason})"

    def target_px(self, t_s: float) -> tuple[float, float]:
        """Where the target stands at a time, in screen px."""
        x, y = self.path(t_s - self.start_s)
        return x * self.size_px[0], y * self.size_px[1]

    def samples(self, lag_s: float = 0.0) -> Samples:
        """Rows of all frames; the gaze follows the target ``lag_s`` late. The first half second is left."""
        taken = [item for item in self._taken if item.t_s - self.start_s >= 0.5 + lag_s]
        passed = [item.t_s - self.start_s for item in taken]
        return samples_of(
            taken,
            [self.target_px(item.t_s - lag_s) for item in taken],
            [self.first_look + int(time / CHUNK_S) for time in passed],
            [self.first_place + int(time / HELD_OUT_S) for time in passed],
        )

    def scene(self, t_s: float, size_px: SizePx) -> Scene:
        """The target, and what the head is to do."""
        x, y = self.target_px(t_s)
        texts: tuple[Text, ...] = ()
        if self.prompts:
            step = int((t_s - self.start_s) / self.duration_s * len(self.prompts))
            prompt = self.prompts[min(step, len(self.prompts) - 1)]
            # Close above the dot: whoever reads it still looks there, nearly. A problem stands below.
            texts = (Text(prompt, x, y - 0.05 * size_px[1], 1.0),)
        if self._problem is not None:
            texts = (*texts, _hint(self._problem, (x, y), size_px))
        return Scene(size_px, target_discs(x, y, size_px, 0.3, live=self._problem is None), texts)


def pursuit_step(duration_s: float, place: int, look: int, size_px: SizePx) -> MovingStep:
    """Follow the gliding target."""
    return MovingStep(lambda t: pursuit_path(t, duration_s), duration_s, place, look, size_px)


HEAD_PROMPTS = (
    "Keep looking at the dot. Turn your head slowly to the left",
    "Keep looking at the dot. Turn your head slowly to the right",
    "Keep looking at the dot. Raise your chin slowly, then lower it",
    "Keep looking at the dot. Come nearer",
    "Keep looking at the dot. Lean back",
    "Keep looking at the dot. Sit as you usually do",
)


def head_step(duration_s: float, place: int, look: int, size_px: SizePx) -> MovingStep:
    """Keep the eyes on the middle while the head moves."""
    return MovingStep(lambda t: (0.5, 0.5), duration_s, place, look, size_px, HEAD_PROMPTS)


@dataclass(slots=True)
class WaitStep:
    """Wait until one person is well in view for ``hold_s`` seconds, blinks aside, or a key is pressed.

    Where nobody is well in view after ``limit_s``, ``failed`` says why.
    """

    lines: tuple[str, ...]
    hold_s: float = 1.5
    limit_s: float = 60.0
    failed: str | None = None
    finished: bool = False
    _start_s: float | None = None
    _good_since_s: float | None = None
    _good_until_s: float = 0.0
    _problem: str | None = field(default="no frame yet")

    def feed(self, observation: Observation, confirmed: bool) -> None:
        """Take one frame; the first one starts the clock."""
        if self._start_s is None:
            self._start_s = observation.t_s
        self._problem = observation.problem
        if observation.problem is None:
            self._good_until_s = observation.t_s
            if self._good_since_s is None:
                self._good_since_s = observation.t_s
        elif observation.t_s - self._good_until_s > BLINK_S:
            self._good_since_s = None
        if self._good_since_s is not None and (
            confirmed or observation.t_s - self._good_since_s >= self.hold_s
        ):
            self.finished = True
        elif self._good_since_s is None and observation.t_s - self._start_s > self.limit_s:
            self.failed = self._problem
            self.finished = True

    def scene(self, t_s: float, size_px: SizePx) -> Scene:
        """The text, and what is still wrong."""
        state = f"Now: {self._problem}" if self._problem is not None else "You are well in view"
        lines = (*self.lines, state)
        top, step = size_px[1] * 0.5 - len(lines) * size_px[1] * 0.035, size_px[1] * 0.07
        texts = tuple(Text(text, size_px[0] / 2, top + i * step, 1.4) for i, text in enumerate(lines))
        return Scene(size_px, (), texts)


def _hint(problem: str, target_px: tuple[float, float], size_px: SizePx) -> Text:
    below = target_px[1] < size_px[1] * 0.75
    y = target_px[1] + (0.07 if below else -0.07) * size_px[1]
    return Text(problem, target_px[0], y, 0.9)


def progress_disc(fraction: float, size_px: SizePx) -> Disc:
    """A small disc that travels along the bottom edge."""
    radius = size_px[1] / 300.0
    return Disc(
        radius + fraction * (size_px[0] - 2 * radius), size_px[1] - 2 * radius, radius, (160, 160, 160)
    )
