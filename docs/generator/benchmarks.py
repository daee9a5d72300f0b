"""The page of benchmarks, read from recorded results."""

from collections.abc import Callable, Sequence
from typing import Any

from docs.generator import drift, gate
from docs.generator.results import Result, percent, read, signed
from docs.generator.tables import table

_INTRODUCTION = """# Benchmarks

Each section names the command that measures it again, the machine, the commit and the date.
Machines differ from section to section, so compare figures within a section only. All have two cores, shared
with the client, and their speed changes by a third from one minute to the next.

The journals of what was tried are under [measurements](measurements/index.md)."""

Rows = list[str]


def markdown() -> str:
    """Return docs/benchmarks.md, whole."""
    lines = [_INTRODUCTION]
    for name, title, description, write in SECTIONS:
        result = read(name)
        lines += ["", f"## {title}", "", description, "", *write(result), "", result.origin()]
    return "\n".join(lines) + "\n"


def _loop(result: Result) -> Rows:
    rows = [
        (
            run["seed"],
            f"{run['old_before']:.1f} → {run['old_after']:.1f}",
            f"{run['new_before']:.1f} → {run['new_after']:.1f}",
            run["state"],
            f"{run['requests']}, {run['failed']}",
            f"{run['seconds_to_all_workers']:.1f} s",
            f"{run['round_seconds']:.0f} s",
        )
        for run in result.figures["runs"]
    ]
    medians = result.figures["medians"]
    rows.append(
        (
            "median",
            signed(medians["old_change"]),
            signed(medians["new_change"]),
            *("", f"{medians['failed']} failed", ""),
            f"{medians['median_round_seconds']:.0f} s",
        )
    )
    columns = ("seed", "old, %", "new, %", "verdict", "requests, failed", "to all workers", "round")
    return table(columns, rows)


def _serve(result: Result) -> Rows:
    figures = result.figures
    rates = figures["images_per_second"]

    def rows(ours: str, ratios: dict[str, float]) -> Rows:
        named = [("Perennial", ours), ("LitServe", "litserve"), ("FastAPI", "fastapi")]
        named.append(("BentoML, `batchable`", "bentoml"))
        shown = (
            (
                name,
                rates[key],
                f"{figures['p50_ms'][key]:.0f}",
                f"{figures['p99_ms'][key]:.0f}",
                "" if key == ours else f"{ratios[f'ratio_to_{key}']:.2f}",
            )
            for name, key in named
        )
        return table(("server", "images a second", "p50, ms", "p99, ms", "Perennial is times this"), shown)

    limits = f"{rates['limit_in_float32']} images a second in float32 and {rates['limit']} as served"
    return [
        "**At the same precision.** All servers compute in float32 (`PERENNIAL_PRECISION=float32`).",
        "",
        *rows("ours_in_float32", figures["in_float32"]),
        "",
        f"**As served.** Perennial as it comes computes in {figures['served_precision']}, in which the gate "
        "judged the version; the others still compute in float32. Part of the ratio is precision.",
        "",
        *rows("ours", figures),
        "",
        "A ratio is the median of the turns' ratios. Decoding and forwards alone, on both cores and without "
        f"HTTP, make {limits}.",
    ]


def _isolation(result: Result) -> Rows:
    figures = result.figures
    blocks = (
        (
            block["saturated_alone"],
            block["saturated_beside"],
            f"{block['p99_ms_alone']:.0f}",
            f"{block['p99_ms_beside']:.0f}",
        )
        for block in figures["blocks"]
    )
    shown = [
        ("throughput kept, saturated", f"{figures['throughput_kept']:.2f}"),
        ("99th percentile at half load, times that alone", f"{figures['p99_ratio']:.2f}"),
        ("round's duration beside half a load, times that alone", f"{figures['round_slowdown']:.2f}"),
        ("failed requests", figures["failed"]),
    ]
    columns = ("images a second alone", "beside a round", "p99 alone, ms", "beside, ms")
    return [*table(("median", "figure"), shown), "", "Each block:", "", *table(columns, blocks)]


def _swap(result: Result) -> Rows:
    figures = result.figures
    shown = [
        ("promotions, requests", f"{figures['promotions']}, {figures['requests']:,}"),
        ("failed requests", figures["failed"]),
        ("batches answered by two versions", figures["mixed_batches"]),
        ("to all workers, at most", f"{figures['seconds_to_all_workers']:.1f} s"),
        ("99th percentile near a promotion", f"{figures['p99_ms_beside']:.0f} ms"),
        ("99th percentile elsewhere", f"{figures['p99_ms_alone']:.0f} ms"),
    ]
    return table(("", "figure"), shown)


def _overload(result: Result) -> Rows:
    figures = result.figures
    before, highest = figures["memory_mib_before"], figures["memory_mib_highest"]
    shown = [
        ("throughput kept, of the best right before and after", f"{figures['throughput_kept']:.2f}"),
        ("failed requests", figures["failed"]),
        ("a refusal takes, median", f"{figures['refusal_p50_ms']} ms"),
        ("memory before, highest", f"{before:,}, {highest:,} MiB"),
    ]
    return table(("", "figure"), shown)


def _faults(result: Result) -> Rows:
    figures = result.figures
    # Kills are many of a kind: "one worker killed, 3 of 20".
    kinds: dict[str, list[dict[str, Any]]] = {}
    for outcome in figures["outcomes"]:
        kinds.setdefault(outcome["name"].rpartition(",")[0] or outcome["name"], []).append(outcome)
    rows = [
        (
            kind,
            len(outcomes),
            sum(bool(each["problems"]) for each in outcomes),
            sum(each["acknowledged"] for each in outcomes),
            sum(each["lost"] for each in outcomes),
            f"{max(each['recovery_s'] for each in outcomes):.1f}",
        )
        for kind, outcomes in kinds.items()
    ]
    return table(("fault", "times", "failed", "labels acknowledged", "lost", "slowest recovery, s"), rows)


def _ingest(result: Result) -> Rows:
    figures = result.figures
    rows = [
        (f"{part['rows']:,}", part["per_second"], f"{part['p50_ms']:.0f}", f"{part['p99_ms']:.0f}")
        for part in (figures["few"], figures["many"])
    ]
    killed = figures["killed"]
    return [
        *table(("samples in the store", "labelled images a second", "p50, ms", "p99, ms"), rows),
        "",
        f"After a `kill -9` amid {killed['acknowledged']} acknowledged labels, {killed['lost']} were lost.",
    ]


def _transfer(result: Result) -> Rows:
    names = {"hymenoptera": "ants and bees, 244 photographs", "cifar10": "CIFAR-10, 100 a class"}
    weights = ("none", "bundled", "efficientnet_lite0")
    rows: list[Sequence[object]] = []
    for key, title in names.items():
        for strategy in ("linear_probe", "partial"):
            # From scratch there is nothing to freeze: `partial` is all of the network.
            used = ("full" if strategy == "partial" else strategy, strategy, strategy)
            accuracies = [
                result.figures[key][weight][own]["accuracy"]
                for weight, own in zip(weights, used, strict=True)
            ]
            rows.append((title, strategy.replace("_", " "), *(f"{value:.1f}" for value in accuracies)))
    columns = ("images", "strategy", "ResNet-18, from scratch", "ResNet-18, `bundled`", "EfficientNet-Lite0")
    return table(columns, rows)


def _adaptation(result: Result) -> Rows:
    rows = [
        (
            f"`{name}`",
            f"{row['image_size']}",
            f"{row['clean']['mean']:.1f}",
            f"{row['shifted']['mean']:.1f}",
            percent(row["share_won_back"]) if "share_won_back" in row else "",
        )
        for name, row in result.figures.items()
    ]
    return table(("adaptation", "pixels", "as they are, %", "shifted, %", "won back"), rows)


def _dashboard(result: Result) -> Rows:
    figures = result.figures
    shown = [
        ("first load of the overview, over the wire", f"{figures['bytes_first_load'] / 1000:,.0f} kB"),
        ("largest contentful paint, the slowest page's", f"{figures['largest_contentful_paint_ms']} ms"),
        ("slowest answer that a page asks for", f"{figures['slowest_answer_ms']} ms"),
    ]
    pages = [(f"`{path}`", milliseconds) for path, milliseconds in figures["pages_ms"].items()]
    return [*table(("", "figure"), shown), "", *table(("page", "loaded after, ms"), pages)]


SECTIONS: tuple[tuple[str, str, str, Callable[[Result], Rows]], ...] = (
    (
        "loop",
        "The whole loop",
        "ResNet-18 at 32 pixels learns photographs by day. Users then label 650 by night, and one round runs "
        "while requests go on. Accuracy is of 1,500 photographs of each kind that nothing has seen.",
        _loop,
    ),
    (
        "serve",
        "Serving beside other servers",
        "ResNet-18 at 224 pixels, one photograph of 107 KiB a request, 16 connections, medians of three "
        "turns. Perennial stores every image and logs every answer; the others don't.",
        _serve,
    ),
    ("isolation", "Serving beside a round", "Five blocks, each alone and beside a round.", _isolation),
    ("swap", "Promotions under load", "Workers swap while requests go on.", _swap),
    ("overload", "Twice the load", "Requests come twice as fast as they can be answered.", _overload),
    (
        "faults",
        "Faults under load",
        "Each fault while images and labels are sent. A case fails where anything acknowledged is lost, "
        "memory or descriptors stay taken, or it takes over 15 s until all is served again.",
        _faults,
    ),
    (
        "dashboard",
        "The dashboard over a large home",
        "A million predictions, 200 rounds, 1,000 classes. Chromium loads each page with an empty cache, "
        "until the last answer that it waits for has come and its largest part is painted; medians of three.",
        _dashboard,
    ),
    (
        "ingest",
        "Taking in labelled images",
        "Sixteen connections send photographs with labels; each answer follows its commit.",
        _ingest,
    ),
    ("gate", gate.TITLE, gate.DESCRIPTION, gate.section),
    ("drift", drift.TITLE, drift.DESCRIPTION, drift.section),
    (
        "transfer",
        "What pretrained features are worth",
        "Accuracy in per cent on images that nothing was chosen on, means of three cuts of validation.",
        _transfer,
    ),
    (
        "adaptation",
        "A shift of domain, and what wins it back",
        "EfficientNet-Lite0 on ants and bees. Shifted photographs are grey, noisy and orange. "
        "[The guide](how-to/adapt-to-another-domain.md) says what each adaptation does.",
        _adaptation,
    ),
)
