"""The sandbox beside a bare aiohttp application: ``python -m benchmarks --help``."""
