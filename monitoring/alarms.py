"""What is told of alarms: the answers that describe them, and the figures of `/metrics`."""

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import Connection

from monitoring.answers.alarms import AlarmDetail, AlarmList, AlarmPicture
from store.alarms import KINDS, Alarm, AlarmKind, num_alarms_open, read_alarms


def alarms(connection: Connection, limit: int = 50, before: int | None = None) -> AlarmList:
    """Return the alarms, newest first; `before` is an alarm's id."""
    page = read_alarms(connection, limit=limit, before=before)
    return AlarmList(alarms=[describe(each) for each in page], num_open=num_open(connection))


def num_open(connection: Connection) -> int:
    """Return how many alarms nobody looked at yet."""
    return sum(num_alarms_open(connection).values())


def describe(alarm: Alarm) -> AlarmDetail:
    """Return one alarm as it is answered."""
    return AlarmDetail(
        id=alarm.id,
        kind=alarm.kind,
        state=alarm.state,
        sentence=alarm.sentence,
        version=alarm.version,
        detector=alarm.detector,
        raised=alarm.raised,
        since=alarm.since,
        ended=alarm.ended,
        classes=list(alarm.classes),
        figures=alarm.figures,
        acted=alarm.acted,
        acted_by=alarm.acted_by,
        reason=alarm.reason,
        images=[
            AlarmPicture(
                sha256=image.sha256,
                prediction_id=image.prediction_id,
                nearest_sha256=image.nearest_sha256,
            )
            for image in alarm.images
        ],
    )


def alarm_metrics(num_open: Mapping[AlarmKind, int], num_raised: Mapping[AlarmKind, int]) -> Iterator[Metric]:
    """Yield how many alarms nobody looked at yet, and how many were ever raised, by kind."""
    still_open = GaugeMetricFamily(
        "perennial_alarms_open", "Alarms that nobody looked at yet, by kind.", labels=["kind"]
    )
    raised = CounterMetricFamily("perennial_alarms", "Alarms that were raised, by kind.", labels=["kind"])
    for kind in KINDS:
        still_open.add_metric([kind], num_open.get(kind, 0))
        raised.add_metric([kind], num_raised.get(kind, 0))
    yield still_open
    yield raised
