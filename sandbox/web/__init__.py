"""HTTP: the only floor that awaits, and the only one that knows aiohttp."""
