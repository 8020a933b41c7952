"""Every setting of a training run."""

from __future__ import annotations

from dataclasses import dataclass

from gaze.datasets.shard_features import FEATURES
from gaze.errors import UsageError
from gaze.network_inputs import check_input_size
from gaze.training.augment import PRESETS
from gaze.types import VIEW_LIMITS_MM

LOSSES = ("l1", "angular", "heteroscedastic")
BATCH_NORM = ("train", "frozen")
PRECISIONS = ("auto", "bf16", "fp32")
# The start that is no file.
RANDOM = "random"


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Settings that change the result of a run; all of them are written into its checkpoint.

    Exactly one of ``minutes``, ``steps`` and ``epochs`` is set and is the budget that the learning rate's
    cosine follows. ``eyes`` and ``landmarks`` are as in gaze.network.GazeNet. ``view_mm`` is the middle of
    rendered faces that is used, None all of it; ``without`` names what the rendered pictures must not show
    (gaze.datasets.shard_features). ``batch_size`` is per process. ``start`` is "random", an ImageNet file
    (.npz as packed by `gaze synthesize fetch-assets`, .pth of torchvision) or a gaze checkpoint. ``map_rate``
    scales the learning rate of the spatial weights' three layers. ``teacher`` is a gaze checkpoint that is
    imitated (gaze.training.distill), ``mimic_weight`` the imitation's weight against the loss on the labels.

    Raises:
        UsageError: a value is out of its range.
    """

    input_size: int = 112
    eyes: bool = False
    landmarks: bool = False
    view_mm: float | None = None
    without: tuple[str, ...] = ()
    width: float = 1.0
    spatial_weights: bool = True
    divide_map_gradient: bool = True
    dropout: float = 0.1
    loss: str = "heteroscedastic"
    batch_norm: str = "train"
    batch_size: int = 64
    learning_rate: float = 1e-3
    map_rate: float = 0.1
    weight_decay: float = 0.02
    clip_norm: float = 5.0
    warmup: float = 0.05
    ema_decay: float = 0.999
    augment: str = "standard"
    precision: str = "auto"
    start: str = RANDOM
    teacher: str | None = None
    mimic_weight: float = 1.0
    seed: int = 0
    minutes: float | None = None
    steps: int | None = None
    epochs: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("loss", LOSSES),
            ("batch_norm", BATCH_NORM),
            ("augment", PRESETS),
            ("precision", PRECISIONS),
        ):
            if getattr(self, name) not in allowed:
                raise UsageError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        budgets = [value for value in (self.minutes, self.steps, self.epochs) if value is not None]
        if len(budgets) != 1 or not budgets[0] > 0:
            raise UsageError("give exactly one positive budget: --minutes, --steps or --epochs")
        try:
            check_input_size(self.input_size, self.eyes)
        except ValueError as error:
            raise UsageError(str(error)) from error
        if self.eyes and self.landmarks:
            raise UsageError("--eyes and --landmarks do not go together; leave one away")
        low, high = VIEW_LIMITS_MM
        if self.view_mm is not None and not low <= self.view_mm <= high:
            raise UsageError(f"the view must be {low:g} to {high:g} mm of a face, got {self.view_mm:g}")
        if unknown := set(self.without) - set(FEATURES):
            known = ", ".join(FEATURES)
            raise UsageError(f"without must name some of {known}, got {', '.join(sorted(unknown))}")
        if self.batch_size < 2:
            raise UsageError(f"batch size must be at least 2, got {self.batch_size}")
        for name in ("learning_rate", "clip_norm", "map_rate", "mimic_weight"):
            if not getattr(self, name) > 0:  # nor is it a NaN
                raise UsageError(f"{name} must be positive, got {getattr(self, name)}")
        if self.seed < 0:
            raise UsageError(f"seed must not be negative, got {self.seed}")
        for name in ("dropout", "warmup", "ema_decay", "weight_decay"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UsageError(f"{name} must be at least 0 and below 1, got {getattr(self, name)}")

    @property
    def predict_sigma(self) -> bool:
        """Whether the network gets the head for its uncertainty."""
        return self.loss == "heteroscedastic"
