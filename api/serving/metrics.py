"""Figures of the server, in the form that Prometheus collects."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


class Metrics:
    """The figures of one application; two in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "lianpian_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "lianpian_request_seconds",
            "Seconds until a request was answered",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self.registry,
        )
        self.open_requests = Gauge(
            "lianpian_open_requests", "Requests being answered", registry=self.registry
        )


def exposition(metrics: Metrics) -> tuple[bytes, str]:
    """Return the figures as text, and its media type."""
    return generate_latest(metrics.registry), CONTENT_TYPE_LATEST
