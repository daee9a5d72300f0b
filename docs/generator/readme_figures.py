"""The README's one table of figures, read from recorded results."""

from docs.generator.results import percent, read, signed
from docs.generator.tables import put_between, table

BEGIN, END = "<!-- figures: make reference -->", "<!-- end of figures -->"


def put_into(readme: str) -> str:
    """Return the README with the table between its marks written anew."""
    return put_between(readme, BEGIN, END, lines())


def lines() -> list[str]:
    """Return the lines of the table."""
    loop, serve, swap = (read(name).figures for name in ("loop", "serve", "swap"))
    isolation, ingest, overload = (read(name).figures for name in ("isolation", "ingest", "overload"))
    gate = read("gate").figures["cases"]
    medians, rates = loop["medians"], serve["images_per_second"]
    num_requests = sum(run["requests"] for run in loop["runs"]) + swap["requests"]
    num_failed = sum(run["failed"] for run in loop["runs"]) + swap["failed"]
    rows = [
        (
            "A round on drifted photographs, accuracy on new and on old",
            f"{signed(medians['new_change'])} and {signed(medians['old_change'])} points",
            "loop",
        ),
        (
            "Requests that failed beside rounds and promotions",
            f"{num_failed:,} of {num_requests:,}",
            "loop`, `make bench-swap",
        ),
        ("From a promotion to the last worker", f"{swap['seconds_to_all_workers']:.1f} s", "swap"),
        ("Near a promotion: 99th percentile, times that elsewhere", f"{swap['p99_ratio']:.2f}", "swap"),
        (
            "Images a second in float32, times LitServe in float32",
            f"{rates['ours_in_float32']} ({serve['in_float32']['ratio_to_litserve']:.2f})",
            "serve",
        ),
        (
            "Images a second as served (8-bit integers), times the same LitServe",
            f"{rates['ours']} ({serve['ratio_to_litserve']:.2f})",
            "serve",
        ),
        (
            "Beside a round: throughput kept, 99th percentile",
            f"{isolation['throughput_kept']:.2f}, {isolation['p99_ratio']:.2f} times",
            "isolation",
        ),
        ("At twice the possible load: throughput kept", f"{overload['throughput_kept']:.2f}", "overload"),
        (
            "Labelled images taken in a second, beside a million earlier ones",
            f"{ingest['feedback_per_second']:.0f}, {ingest['feedback_per_second_1m']:.0f}",
            "ingest",
        ),
        ("Acknowledged labels lost by `kill -9`", f"{ingest['killed']['lost']}", "ingest"),
        (
            "Simulated rounds: promoted equal, 4 points worse, 10 better",
            ", ".join(
                percent(gate[key]["median"])
                for key in ("null_promoted", "worse_live_promoted", "better_promoted")
            ),
            "gate",
        ),
    ]
    shown = [(what, figure, f"`make bench-{name}`") for what, figure, name in rows]
    return table(("measured", "figure", "by"), shown)
