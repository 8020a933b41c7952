"""The training loop: one function that trains a network on a source of faces within a budget."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from gaze.array_files import write_arrays
from gaze.errors import GazeError
from gaze.network import GazeNet
from gaze.network_checkpoint import save_checkpoint
from gaze.training import cpu_features, run_state
from gaze.training.augment import Augment, AugmentConfig, limit_opencv_threads
from gaze.training.batches import STREAM_DROPOUT, Batch, BatchStream, FaceSource, Position
from gaze.training.config import RANDOM, TrainConfig
from gaze.training.ddp import Group
from gaze.training.distill import Distiller, load_teacher, take_over_head
from gaze.training.ema import Ema
from gaze.training.finishing import finish
from gaze.training.forward import TrainingForward, resolve_precision
from gaze.training.logs import RunLog, WorstSamples
from gaze.training.losses import angular
from gaze.training.objective import training_loss
from gaze.training.runs import writing_run
from gaze.training.schedule import Schedule
from gaze.training.start import build
from gaze.types import ROTATION_ONLY

LOG_STEPS = 25
# Called with the averaged network at every save and at the end; what it returns goes into the log.
Validate = Callable[[GazeNet], dict[str, float]]
# Called with the place in the data whenever a state is saved.
OnSave = Callable[[Position], None]


@dataclasses.dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is carried out; what it learns does not depend on it.

    ``resume`` goes on from the folder's state.pt, which is written every ``save_minutes``;
    ``compile_network`` runs torch.compile, for a GPU; ``progress`` shows a bar.
    """

    resume: bool = False
    save_minutes: float = 5.0
    compile_network: bool = False
    progress: bool = True


DEFAULT_OPTIONS = RunOptions()


@dataclasses.dataclass(frozen=True)
class Result:
    """What a finished run gives: the averaged network and how far it came."""

    net: GazeNet
    steps: int
    samples: int
    elapsed_s: float


def train(
    config: TrainConfig,
    source: FaceSource,
    folder: Path,
    group: Group | None = None,
    options: RunOptions = DEFAULT_OPTIONS,
    validate: Validate | None = None,
    meta: dict[str, object] | None = None,
    on_save: OnSave | None = None,
) -> Result:
    """Train and leave in ``folder``: final.pt, state.pt, log.csv, worst.jpg.

    With ``validate`` also ema.pt, the network of the last validation. Finishing one takes some seconds, so
    that a save without validation writes the state alone.

    In a label space that is not rotation-only the virtual camera is not turned: the label would not follow.
    ``on_save`` is told the place in the data whenever a state is saved, the last time at the end.

    Raises:
        GazeError: the loss stops being finite; the batch is saved in the folder.
        ModelError, DataError: the start weights, the state to resume or the data cannot be used, or the
            folder cannot be written.
    """
    with writing_run(folder):
        return _Run(config, source, folder, group or Group(), options, validate, meta or {}, on_save).go()


def parameter_groups(net: GazeNet, config: TrainConfig) -> list[dict[str, object]]:
    """The optimiser's parameters: weights decay, biases and BatchNorm do not; the weight map learns slowly.

    The map's three layers end in ReLUs, and steps as large as the others' can switch the whole map off for
    good. Dividing its gradient, as the paper does, has no such effect under Adam. ``rate`` of a group is the
    factor on the learning rate.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        rate = config.map_rate if name.startswith(("Conv1", "Conv2", "Conv3")) else 1.0
        groups.setdefault((decay, rate), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "rate": rate}
        for (decay, rate), parameters in groups.items()
    ]


class _Run:
    """The state of one run: network, optimiser, averaged weights, place in the data."""

    def __init__(
        self,
        config: TrainConfig,
        source: FaceSource,
        folder: Path,
        group: Group,
        options: RunOptions,
        validate: Validate | None,
        meta: dict[str, object],
        on_save: OnSave | None,
    ) -> None:
        self.config, self.source, self.folder, self.group = config, source, folder, group
        self.options, self.validate, self.meta, self.on_save = options, validate, meta, on_save
        limit_opencv_threads()
        if group.device.type == "cpu":
            cpu_features.keep_freed_memory()
        folder.mkdir(parents=True, exist_ok=True)
        precision = resolve_precision(config.precision, group.device)
        fast = precision == "bf16" and group.device.type == "cpu" and not options.compile_network
        self.net = build(config, source).to(group.device, memory_format=torch.channels_last)
        self.distiller = self._distiller()
        self.forward = TrainingForward(self.net, precision, config.batch_norm == "frozen", fast)
        self.forward.to(group.device).train()
        self.runner = group.wrap(self.forward)
        if options.compile_network:
            self.runner = torch.compile(self.runner)
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.net, config), lr=config.learning_rate, fused=True
        )
        self.ema = Ema(self.net, config.ema_decay)
        self.schedule = Schedule(config.warmup)
        self.augment = self._augment()
        self.worst = WorstSamples()
        # The averaged network of the last validation, and its step.
        self.validated: tuple[int, GazeNet | None] = (0, None)
        steps_an_epoch = max(1, len(source) // (config.batch_size * group.processes))
        self.steps = config.steps if config.epochs is None else config.epochs * steps_an_epoch
        self.position, self.before_s = Position(), 0.0
        if options.resume:
            self.position, self.before_s = run_state.load(folder, config, self.net, self.optimizer, self.ema)
        self.began = time.monotonic()

    def _augment(self) -> Augment:
        settings = AugmentConfig.named(self.config.augment)
        if self.source.label_space != ROTATION_ONLY:
            settings = dataclasses.replace(settings, geometry=0.0)
        return Augment(settings, self.source.normalized_camera, self.config.input_size)

    def _distiller(self) -> Distiller | None:
        config, source = self.config, self.source
        if config.teacher is None:
            return None
        distiller = load_teacher(
            config.teacher, source.normalized_camera, source.label_space, config.mimic_weight
        )
        if config.start == RANDOM:
            take_over_head(self.net, distiller.teacher)
        return distiller.to(self.group.device)

    def go(self) -> Result:
        stream = BatchStream(
            self.source,
            self.augment,
            self.config.batch_size,
            self.config.seed,
            self.group.rank,
            self.group.processes,
            self.position,
            landmarks=self.config.landmarks,
        )
        shown = self.options.progress and self.group.leads
        bar = tqdm(total=1.0, disable=not shown, bar_format=BAR, mininterval=2.0)
        log = RunLog(self.folder, self.position.step) if self.group.leads else None
        try:
            with stream, bar:
                self._loop(stream, log, bar)
        finally:
            if log is not None:
                log.close()
        return self._finish()

    def _elapsed(self) -> float:
        return self.before_s + time.monotonic() - self.began

    def _done_share(self) -> float:
        if self.steps is not None:
            return self.position.step / self.steps
        return self.group.agree(self._elapsed() / (60.0 * self.config.minutes))

    def _loop(self, stream: BatchStream, log: RunLog | None, bar: tqdm) -> None:
        recent: list[tuple[float, float, float]] = []
        mark, saved = time.monotonic(), time.monotonic()
        try:
            while (share := self._done_share()) < 1.0:
                rate = self.config.learning_rate * self.schedule.factor(share)
                for entry in self.optimizer.param_groups:
                    entry["lr"] = rate * entry["rate"]
                recent.append(self._step(stream.next()))
                if len(recent) == LOG_STEPS and log is not None:
                    now = time.monotonic()
                    speed = LOG_STEPS * self._batch_of_all() / (now - mark)
                    loss, error, norm = np.mean(recent, axis=0)
                    log.write(**self._place(), learning_rate=rate, loss=float(loss), error_deg=float(error),
                              gradient_norm=float(norm), images_per_s=speed)  # fmt: skip
                    bar.n = round(share, 4)
                    bar.set_postfix_str(f"loss {loss:.3f} error {error:.2f}° {speed:.0f} img/s")
                    mark = now
                if len(recent) == LOG_STEPS:
                    recent = []
                if self.group.leads and time.monotonic() - saved > 60.0 * self.options.save_minutes:
                    began = time.monotonic()
                    self._save(log)
                    saved = time.monotonic()
                    mark += saved - began  # the speed is that of the steps
        except KeyboardInterrupt:
            if self.group.leads:
                self._save(None)
            raise
        if self.group.leads:
            self._save(log)

    def _batch_of_all(self) -> int:
        return self.config.batch_size * self.group.processes

    def _place(self) -> dict[str, float]:
        step = self.position.step
        samples = step * self._batch_of_all()
        return {"step": step, "epoch": self.position.epoch, "samples": samples, "elapsed_s": self._elapsed()}

    def _step(self, batch: Batch) -> tuple[float, float, float]:
        faces = torch.from_numpy(batch.faces).to(self.group.device, non_blocking=True)
        target = torch.from_numpy(batch.pitch_yaw_rad).to(self.group.device, non_blocking=True)
        self._seed_dropout(batch.position.step)
        landmarks = batch.landmarks
        if landmarks is not None:
            landmarks = torch.from_numpy(landmarks).to(self.group.device, non_blocking=True)
        answers = self.runner(faces)
        predicted = answers.pitch_yaw
        loss = training_loss(self.config.loss, answers, target, landmarks)
        if self.distiller is not None:
            loss = loss + self.distiller.loss(faces, self.forward.features, predicted).mean()
        value = float(loss.detach())
        if not np.isfinite(value):
            raise self._not_finite(batch, f"loss is {value}")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip_norm, foreach=True))
        if not np.isfinite(norm):
            raise self._not_finite(batch, f"gradient norm is {norm}")
        self.optimizer.step()
        self.ema.update(self.net)
        self.position = batch.position
        error = torch.rad2deg(angular(predicted.detach(), target)).cpu().numpy()
        if self.group.leads:
            self.worst.offer(error, batch.faces, batch.pitch_yaw_rad, predicted.detach().cpu().numpy())
        return value, float(error.mean()), norm

    def _seed_dropout(self, step: int) -> None:
        # From the step alone: then neither saving nor a kill moves dropout's numbers, whatever the device.
        entropy = [self.config.seed, STREAM_DROPOUT, self.group.rank, step]
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]))

    def _not_finite(self, batch: Batch, what: str) -> GazeError:
        path = self.folder / f"not_finite_step_{batch.position.step}_rank_{self.group.rank}.npz"
        write_arrays(path, {"faces": batch.faces, "pitch_yaw_rad": batch.pitch_yaw_rad})
        return GazeError(
            f"step {batch.position.step}: {what}; the batch is in {path}; lower --learning-rate and resume "
            "from the last state, or look at the batch's labels"
        )

    def averaged(self) -> GazeNet:
        """A network with the averaged weights, on the CPU, in eval mode, finished on training faces."""
        net = GazeNet(**self.net.config)
        net.load_state_dict(self.ema.state)
        net.to(memory_format=torch.channels_last).eval()
        keep = self.config.batch_norm != "train"
        return finish(net, self.source, self.augment, self.config.seed, keep)

    def _meta(self) -> dict[str, object]:
        place = self._place()
        return {
            **self.meta,
            "config": _without_folders(self.config),
            "normalized_camera": dataclasses.asdict(
                self.source.normalized_camera.resized(self.config.input_size)
            ),
            "label_space": self.source.label_space,
            "source_samples": len(self.source),
            **place,
            "tool_version": version("webcam-gaze"),
        }

    def _save(self, log: RunLog | None) -> None:
        elapsed = self._elapsed()
        run_state.save(self.folder, self.config, self.net, self.optimizer, self.ema, self.position, elapsed)
        if self.on_save is not None:
            self.on_save(self.position)
        self.worst.write(self.folder / "worst.jpg")
        if log is not None and self.validate is not None:
            self._validate(self.validate, log)

    def _validate(self, validate: Validate, log: RunLog) -> None:
        net = self.averaged()
        save_checkpoint(self.folder / "ema.pt", net, self._meta())
        self.validated = (self.position.step, net)
        figures = validate(net)
        log.write(**self._place(), **figures)
        tqdm.write(f"step {self.position.step}: " + ", ".join(f"{k} {v:.2f}" for k, v in figures.items()))

    def _finish(self) -> Result:
        step, net = self.validated
        if net is None or step != self.position.step:
            net = self.averaged()
        if self.group.leads:
            save_checkpoint(self.folder / "final.pt", net, self._meta())
        place = self._place()
        return Result(net, int(place["step"]), int(place["samples"]), float(place["elapsed_s"]))


BAR = "{percentage:5.1f}%|{bar:24}| {elapsed} {postfix}"


def _without_folders(config: TrainConfig) -> dict[str, object]:
    """The settings for a checkpoint that others get: files by name, not by where they lay."""
    content = dataclasses.asdict(config)
    for name in ("start", "teacher"):
        if content[name] is not None:
            content[name] = Path(content[name]).name
    return content
