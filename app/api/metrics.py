"""What is counted about requests, for Prometheus."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

REQUESTS = Counter("kenali_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "kenali_request_seconds",
    "Time to answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)


def count_requests(app: Flask) -> None:
    """Count every request by its route (never by its path: ids would make endless series)."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def stop(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unknown"
        REQUESTS.labels(request.method, route, response.status_code).inc()
        started = g.get("started")
        if started is not None:
            SECONDS.labels(request.method, route).observe(time.perf_counter() - started)
        return response
