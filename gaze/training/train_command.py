"""`gaze train`: train the network on rendered shards or on a prepared data set."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gaze.datasets.system_errors import reading
from gaze.training.config import TrainConfig
from gaze.training.train_options import SYNTHETIC, check, config_of, parser

if TYPE_CHECKING:
    from gaze.training.batches import FaceSource
    from gaze.training.ddp import Group


def main(argv: Sequence[str] | None = None) -> int:
    """Train; exit code 0 when the budget is done.

    Raises:
        UsageError, DataError, ModelError, GazeError: see gaze.training.loop.train.
    """
    args = parser().parse_args(argv)
    check(args)
    config = config_of(args)
    # Threads that wait for each other by spinning stand still when another program wants the cores. Read by
    # the OpenMP library when torch is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    import torch

    from gaze.training.ddp import join
    from gaze.training.start import as_able_as_its_start

    config = as_able_as_its_start(config)
    if args.threads:
        torch.set_num_threads(args.threads)
    signal.signal(signal.SIGTERM, _interrupt)
    with join(args.device) as group:
        if args.data == SYNTHETIC:
            _train_synthetic(args, config, group)
        else:
            _train_prepared(args, config, group)
    return 0


def _train_synthetic(args: argparse.Namespace, config: TrainConfig, group: Group) -> None:
    from gaze.datasets.shards import ShardFolder
    from gaze.training.loop import RunOptions, train
    from gaze.training.seen_people import everybody, people_by_option
    from gaze.training.validation import shard_validation

    source = ShardFolder(args.shards, args.limit, config.view_mm, config.without)
    if args.benchmark:
        _benchmark(args, config, source, group)
        return
    if args.average:
        _average(args, source)
        return
    validate = None
    if args.validate:
        validate = shard_validation(args.validate, args.validate_count, config.input_size, config.view_mm)
    result = train(
        config,
        source,
        args.out,
        group,
        RunOptions(args.resume, args.save_minutes, args.compile),
        validate,
        {
            "data": SYNTHETIC,
            "shards": [str(folder) for folder in args.shards],
            "seen_people": everybody(people_by_option(config).values()),
        },
    )
    if group.leads:
        print(
            f"{args.out / 'final.pt'}: {result.steps} steps, {result.samples} samples, "
            f"{result.elapsed_s / 60:.1f} min"
        )


def _average(args: argparse.Namespace, source: FaceSource) -> None:
    from gaze.network_checkpoint import save_checkpoint
    from gaze.training.averaging import average_runs

    net, meta = average_runs(args.average, source, args.seed)
    with reading():
        args.out.mkdir(parents=True, exist_ok=True)
    save_checkpoint(args.out / "final.pt", net, meta)
    print(f"{args.out / 'final.pt'}: the mean of {len(args.average)} runs")


def _train_prepared(args: argparse.Namespace, config: TrainConfig, group: Group) -> None:
    from gaze.training.train_data import train_data

    if args.benchmark:
        from gaze.datasets.normalized_hdf5 import NormalizedFile
        from gaze.datasets.normalized_source import PersonSource

        with NormalizedFile(args.data) as file:
            _benchmark(args, config, PersonSource(file, file.persons), group)
        return
    train_data(args, config, group)


def _benchmark(args: argparse.Namespace, config: TrainConfig, source: FaceSource, group: Group) -> None:
    from gaze.training.benchmark import measure

    print(f"{config.input_size} px, batch {config.batch_size}, {group.device}")
    print(measure(config, source, group.device, args.benchmark).text())


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
