from __future__ import annotations

import argparse

from .output import print_json


def bench(arguments: argparse.Namespace) -> None:
    from ..bench.speed import report, run_bench

    if arguments.beside_training or arguments.serving:
        from ..bench import beside_training as bench_sharing
        from ..bench import serving as bench_serving

        if arguments.serving:
            figures, table = bench_serving.bench_serving(arguments.quick), bench_serving.report
        else:
            figures, table = bench_sharing.bench_beside_training(arguments.quick), bench_sharing.report
        print_json(figures) if arguments.json else print(table(figures))
        return

    content = run_bench(arguments.preset, quick=arguments.quick)
    print_json(content) if arguments.json else print(report(content))
