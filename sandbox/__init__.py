"""A local sandbox for the Balanced Payments v1 API."""

__version__ = "0.1.0"
