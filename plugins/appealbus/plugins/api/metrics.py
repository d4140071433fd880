"""What is counted of requests, for Prometheus. Labels are routes and words of ours, never what a client has sent."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, start_http_server

from appealbus.plugins.monitor.settings import ListenAddress

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series for each, which nobody asks for
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "appealbus_api_requests",
            "Requests that were answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "appealbus_api_request_seconds",
            "How long requests took, streams and long polls too.",
            ("route",),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.limited = Counter(
            "appealbus_api_limited", "Requests that came too many, by which limit.", ("limit",), registry=self.registry
        )
        self.waiting = Gauge(
            "appealbus_api_waiting", "Streams and long polls that are open.", ("kind",), registry=self.registry
        )
        self.defects = Counter(
            "appealbus_plugin_defects", "What plugins raised where they should not.", ("part",), registry=self.registry
        )
        self.connections = Gauge("appealbus_api_connections", "Connections that are open.", registry=self.registry)
        for kind in ("stream", "poll"):
            self.waiting.labels(kind)
        for limit in ("rate", "attempts", "waiting"):
            self.limited.labels(limit)

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that has been answered."""
        self._requests.labels(route or "none", method, str(status)).inc()
        self._seconds.labels(route or "none").observe(seconds)

    def serve(self, address: ListenAddress) -> None:
        """Show them at an address, from a thread of its own, as long as the process lives; raise OSError."""
        start_http_server(address.port, address.host, self.registry)
