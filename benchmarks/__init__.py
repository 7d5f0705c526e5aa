"""The sandbox beside a bare aiohttp application, and beside its targets: ``python -m benchmarks --help``."""
