"""`i3core bench`: the speed of this machine."""

from __future__ import annotations

import argparse

from .options import Commands, add_command, add_json
from .output import print_json


def add_bench(commands: Commands) -> None:
    summary = "measure the speed of this machine against the plain sequential code"
    parser = add_command(commands, "bench", bench, summary)
    add_json(parser)
    parser.add_argument(
        "--beside-training", action="store_true",
        help="measure chat and training on the same processor, alone and together",
    )  # fmt: skip
    parser.add_argument("--serving", action="store_true", help="measure the server with one client and with many")
    parser.add_argument("--preset", default="i3-80m", help="sizes of the random model (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="repeat less often")


def bench(arguments: argparse.Namespace) -> None:
    if arguments.serving:
        from ..bench.serving import bench_serving, report

        figures = bench_serving(arguments.quick)
    elif arguments.beside_training:
        from ..bench.beside_training import bench_beside_training, report

        figures = bench_beside_training(arguments.quick)
    else:
        from ..bench.speed import report, run_bench

        figures = run_bench(arguments.preset, arguments.quick)
    if arguments.json:
        print_json(figures)
    else:
        print(report(figures))
