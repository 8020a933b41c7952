"""The options of `gaze train`, and the settings of a run that they make."""

from __future__ import annotations

import argparse
from pathlib import Path

from gaze.datasets.shard_features import FEATURES
from gaze.datasets.system_errors import reading
from gaze.errors import UsageError
from gaze.help_format import HelpFormatter
from gaze.model_spec import DEFAULT_MODEL
from gaze.option_refusals import refuse_beside
from gaze.option_types import above, at_least, at_least_one, between, not_below, whole_between
from gaze.training.augment import PRESETS
from gaze.training.config import BATCH_NORM, LOSSES, PRECISIONS, RANDOM, TrainConfig
from gaze.training.runs import PROTOCOLS, STATE_FILE
from gaze.types import VIEW_LIMITS_MM

SYNTHETIC, SHIPPED = "synthetic", "shipped"
# Passes over a prepared file when no other number is given.
EPOCHS = 15
# The options that --average heeds; it takes networks as they are.
AVERAGING = ("data", "shards", "view_mm", "without", "limit", "out", "average", "seed", "device", "threads")


def parser() -> argparse.ArgumentParser:
    """The options; defaults are those of TrainConfig."""
    p = argparse.ArgumentParser(
        prog="gaze train",
        usage="gaze train --data DATA --out DIR [OPTIONS]",
        description="Train the network. Leaves final.pt (averaged weights), log.csv and TensorBoard "
        "events in --out. Several processes: "
        "torchrun --standalone --nproc-per-node N -m -- gaze.cli train ...",
        formatter_class=HelpFormatter,
    )
    defaults = TrainConfig(steps=1)
    _add_data(p.add_argument_group("data"))
    _add_run(p.add_argument_group("run"))
    _add_start(p.add_argument_group("start"), defaults)
    _add_budget(p.add_argument_group("budget"))
    _add_network(p.add_argument_group("network"), defaults)
    _add_learning(p.add_argument_group("learning"), defaults)
    _add_machine(p.add_argument_group("machine"), defaults)
    return p


def _add_data(group: argparse._ArgumentGroup) -> None:
    """What the network learns from."""
    group.add_argument(
        "--data", required=True, help="synthetic (rendered shards, see --shards) or a file of `gaze prepare`"
    )
    group.add_argument(
        "--shards",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="folders of `gaze synthesize shards`; they may still be growing",
    )
    group.add_argument(
        "--view-mm",
        type=between(*VIEW_LIMITS_MM, "mm"),
        metavar="MM",
        help="of rendered shards: the middle of every face, so many mm wide, instead of the whole of it",
    )
    group.add_argument(
        "--without",
        nargs="+",
        default=[],
        metavar="FEATURE",
        help=f"of rendered shards: leave out the faces that show one of these: {', '.join(FEATURES)}",
    )
    group.add_argument("--protocol", choices=PROTOCOLS, help="who is trained on, of a prepared file")
    group.add_argument(
        "--folds",
        nargs="+",
        metavar="FOLD",
        help="test people or numbers of the folds to train (default: all)",
    )
    group.add_argument(
        "--validation-person", action="store_true", help="leave one more training person out; log its error"
    )
    group.add_argument(
        "--limit", type=at_least_one, metavar="N", help="use only the first N training samples"
    )


def _add_run(group: argparse._ArgumentGroup) -> None:
    """Where a run leaves its results, and what it measures on the way."""
    group.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of this run")
    group.add_argument(
        "--resume", action="store_true", help="go on from state.pt in --out, with the same settings"
    )
    group.add_argument(
        "--save-minutes",
        type=not_below(0),
        default=5.0,
        metavar="MIN",
        help="time between states that a killed run resumes from",
    )
    group.add_argument(
        "--validate",
        type=Path,
        metavar="DIR",
        help="folder of shards to measure the averaged weights on at every save",
    )
    group.add_argument(
        "--validate-count",
        type=at_least(2),
        default=1000,
        metavar="N",
        help="how many faces of --validate",
    )


def _add_start(group: argparse._ArgumentGroup, defaults: TrainConfig) -> None:
    """What the weights are at the start, and whom they imitate."""
    group.add_argument(
        "--start",
        default=defaults.start,
        help="random, shipped (this package's weights), an ImageNet file (.npz, .pth) or a gaze checkpoint",
    )
    group.add_argument(
        "--average",
        nargs="+",
        type=Path,
        metavar="CHECKPOINT",
        help="train nothing: final.pt becomes the mean of the weights of these runs, of one start",
    )
    group.add_argument(
        "--teacher",
        help="gaze checkpoint to imitate besides the labels, in angles and features (distillation)",
    )
    group.add_argument(
        "--mimic-weight",
        type=above(0),
        default=defaults.mimic_weight,
        metavar="W",
        help="weight of the imitation against the labels",
    )


def _add_budget(group: argparse._ArgumentGroup) -> None:
    """How long is trained."""
    group.add_argument(
        "--minutes",
        type=above(0),
        metavar="MIN",
        help="budget in minutes, or one of the next two; the learning rate follows it",
    )
    group.add_argument("--steps", type=at_least_one, metavar="N", help="budget in steps")
    group.add_argument(
        "--epochs",
        type=at_least_one,
        metavar="N",
        help="budget in passes over the data that is there at the start "
        f"(default: {EPOCHS} for a prepared file)",
    )


def _add_network(group: argparse._ArgumentGroup, defaults: TrainConfig) -> None:
    """What the network is."""
    group.add_argument(
        "--input-size",
        type=at_least_one,
        default=defaults.input_size,
        metavar="PX",
        help="side of the network's input",
    )
    group.add_argument(
        "--eyes",
        action="store_true",
        help="look at the eyes apart too, at the face in half the size; for --input-size 128 and more",
    )
    group.add_argument(
        "--landmarks",
        action="store_true",
        help="find landmarks of eyes and face too, and read the gaze off them as well, as a run from such "
        "weights always does; rendered faces teach where they are, a prepared file the gaze alone",
    )
    group.add_argument(
        "--width", type=between(0.05, 8), default=defaults.width, metavar="X", help="channel multiplier"
    )
    group.add_argument("--no-spatial-weights", action="store_true", help="leave the spatial weights out")
    group.add_argument(
        "--full-map-gradient", action="store_true", help="do not divide the weight map's gradient by channels"
    )
    group.add_argument(
        "--dropout",
        type=between(0, 1),
        default=defaults.dropout,
        metavar="SHARE",
        help="after the two hidden layers",
    )


def _add_learning(group: argparse._ArgumentGroup, defaults: TrainConfig) -> None:
    """How it learns."""
    group.add_argument(
        "--loss", choices=LOSSES, default=defaults.loss, help="heteroscedastic also predicts the uncertainty"
    )
    group.add_argument(
        "--augment",
        choices=PRESETS,
        default=defaults.augment,
        help="of the training faces: all of it, mirroring alone, none",
    )
    group.add_argument(
        "--batch-size",
        type=at_least(2),
        default=defaults.batch_size,
        metavar="N",
        help="faces a step, per process",
    )
    group.add_argument(
        "--batch-norm", choices=BATCH_NORM, default=defaults.batch_norm, help="frozen is faster on a CPU"
    )
    group.add_argument(
        "--learning-rate", type=above(0), default=defaults.learning_rate, metavar="X", help="at its highest"
    )
    group.add_argument(
        "--map-rate",
        type=above(0),
        default=defaults.map_rate,
        metavar="X",
        help="factor on the learning rate, for the spatial weights",
    )
    group.add_argument(
        "--weight-decay",
        type=between(0, 1),
        default=defaults.weight_decay,
        metavar="X",
        help="weight decay of AdamW",
    )
    group.add_argument(
        "--clip-norm", type=float, default=defaults.clip_norm, metavar="X", help="largest gradient norm"
    )
    group.add_argument(
        "--warmup",
        type=between(0, 1),
        default=defaults.warmup,
        metavar="SHARE",
        help="of the budget, in which the learning rate rises",
    )
    group.add_argument(
        "--ema-decay",
        type=between(0, 1),
        default=defaults.ema_decay,
        metavar="X",
        help="decay of the averaged weights, a step",
    )
    group.add_argument(
        "--seed",
        type=at_least(0),
        default=defaults.seed,
        help="the same seed gives the same run on the same machine",
    )


def _add_machine(group: argparse._ArgumentGroup, defaults: TrainConfig) -> None:
    """What it runs on, and how fast."""
    group.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    group.add_argument(
        "--threads",
        type=whole_between(1, 1024),
        metavar="N",
        help="CPU threads of the network (default: all cores)",
    )
    group.add_argument(
        "--precision", choices=PRECISIONS, default=defaults.precision, help="auto takes bf16 where it is fast"
    )
    group.add_argument(
        "--compile", action="store_true", help="torch.compile (GPU; on a CPU it is slower than the default)"
    )
    group.add_argument(
        "--benchmark", type=above(0), metavar="SECONDS", help="only measure the speed, that long in each way"
    )


def check(args: argparse.Namespace) -> None:
    """Options that do not go together.

    Raises:
        UsageError: naming the option and the mend.
    """
    if args.data == SYNTHETIC:
        if not args.shards:
            raise UsageError("--data synthetic needs --shards DIR; render them with `gaze synthesize shards`")
        for name in ("protocol", "folds", "validation_person"):
            if getattr(args, name):
                raise UsageError(
                    f"--{name.replace('_', '-')} belongs to a prepared file, not to rendered shards"
                )
        if args.average:
            idle = [name for name in vars(args) if name not in AVERAGING]
            refuse_beside(args, "average", idle, "it trains nothing; leave that away", parser())
        with reading():
            taken = (args.out / STATE_FILE).exists()
        if taken and not args.resume:
            mend = "give another --out" if args.average else "add --resume or give another --out"
            raise UsageError(f"{args.out}: holds a run already; {mend}")
        return
    with reading():
        present = Path(args.data).is_file()
    if not present:
        raise UsageError(f"--data {args.data}: no such file; give synthetic or a file of `gaze prepare`")
    if not args.protocol:
        raise UsageError(f"--data {args.data} needs --protocol {' or '.join(PROTOCOLS)}")
    if args.minutes is not None or args.steps is not None:
        raise UsageError("a prepared file is trained for a number of epochs: give --epochs")
    for name in ("shards", "validate", "limit", "average", "view_mm", "without"):
        if getattr(args, name):
            raise UsageError(f"--{name.replace('_', '-')} belongs to --data synthetic")


def config_of(args: argparse.Namespace) -> TrainConfig:
    """The settings that the options name, of options that passed ``check``.

    Raises:
        UsageError: a file is missing, or a value is out of its range.
    """
    start = str(DEFAULT_MODEL.with_suffix(".pt")) if args.start == SHIPPED else args.start
    if start != RANDOM and not Path(start).is_file():
        raise UsageError(
            f"--start {start}: no such file; give {RANDOM}, {SHIPPED}, an ImageNet file or a checkpoint"
        )
    if args.teacher is not None and not Path(args.teacher).is_file():
        raise UsageError(f"--teacher {args.teacher}: no such file; give a checkpoint of `gaze train`")
    # A budget is asked for even where --average trains nothing.
    steps = 1 if args.average else args.steps
    epochs = EPOCHS if args.epochs is None and args.data != SYNTHETIC else args.epochs
    return TrainConfig(
        input_size=args.input_size,
        eyes=args.eyes,
        landmarks=args.landmarks,
        view_mm=args.view_mm,
        without=tuple(args.without),
        width=args.width,
        spatial_weights=not args.no_spatial_weights,
        divide_map_gradient=not args.full_map_gradient,
        dropout=args.dropout,
        loss=args.loss,
        batch_norm=args.batch_norm,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        map_rate=args.map_rate,
        weight_decay=args.weight_decay,
        clip_norm=args.clip_norm,
        warmup=args.warmup,
        ema_decay=args.ema_decay,
        augment=args.augment,
        precision=args.precision,
        start=start,
        teacher=args.teacher,
        mimic_weight=args.mimic_weight,
        seed=args.seed,
        minutes=args.minutes,
        steps=steps,
        epochs=epochs,
    )
