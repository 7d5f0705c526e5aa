"""The settings of ``serve``, each declared once: flags, environment variables, checks and docs derive from here."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

PREFIX = "BALANCED_SANDBOX_"

Fsync = Literal["always", "os"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_TOKEN = re.compile(r"[!-~]+")
REACHED_BY = ("host", "port", "tls_cert", "control_token")
"""What of the settings whoever calls the sandbox has to know too."""

# Where to listen is not always where to call.
_CALLED = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})


class BadSetting(ValueError):
    """A value that stops the start; its text is one line that names the flag or environment variable."""

    def __init__(self, name: str, value: str, why: str) -> None:
        super().__init__(f"{name}: {value!r} {why}")
        self.name = name
        self.value = value
        self.why = why


class Described(NamedTuple):
    """One setting, as the docs show it."""

    flag: str
    variable: str
    default: str
    help: str


def _text(raw: str) -> str:
    return raw


def _switch(raw: str) -> bool:
    if raw.lower() not in _YES | _NO:
        raise ValueError("is neither on nor off")
    return raw.lower() in _YES


def _port(raw: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", raw) or int(raw) > 65535:
        raise ValueError("is no port from 0 to 65535")
    return int(raw)


def _integer(raw: str) -> int:
    if not re.fullmatch("-?[0-9]{1,19}", raw):
        raise ValueError("is no whole number")
    return int(raw)


def _moment(raw: str) -> str:
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        moment = datetime.min
    if moment.utcoffset() != timedelta(0):
        raise ValueError("is no time in UTC such as 2013-05-06T17:18:00Z")
    if not 1970 <= moment.year <= 9998:
        raise ValueError("is not in the years 1970 to 9998")
    return moment.isoformat().replace("+00:00", "Z")


def _host(raw: str) -> str:
    if not _HOST.fullmatch(raw):
        raise ValueError("is no host name or address; leave out scheme, port and wildcards")
    return raw


def _origin(raw: str) -> str:
    if not _ORIGIN.fullmatch(raw):
        raise ValueError("is no origin such as https://app.example.com:8080; leave out any path")
    return raw


def _token(raw: str) -> str:
    if not _TOKEN.fullmatch(raw):
        raise ValueError("holds more than visible ASCII characters")
    return raw


def _option(
    help: str,
    *,
    read: Callable[[str], object] = _text,
    metavar: str = "",
    choices: Sequence[str] = (),
    repeatable: bool = False,
    secret: bool = False,
) -> dict[str, Any]:
    return {
        "help": help,
        "read": read,
        "metavar": metavar or f"{{{','.join(choices)}}}",
        "choices": choices,
        "repeatable": repeatable,
        "secret": secret,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one sandbox is served."""

    host: str = field(
        default="127.0.0.1",
        metadata=_option("address to listen on", read=_host, metavar="ADDRESS"),
    )
    port: int = field(
        default=8642,
        metadata=_option("port to listen on; 0 takes a free one", read=_port, metavar="PORT"),
    )
    data_dir: Path = field(
        default=Path(".balanced-sandbox"),
        metadata=_option("folder that keeps the worlds", read=Path, metavar="DIR"),
    )
    memory: bool = field(
        default=False,
        metadata=_option("keep nothing on disk, whatever the data directory", read=_switch),
    )
    fixtures: tuple[str, ...] = field(
        default=(),
        metadata=_option("fixtures to begin with, by name or file", metavar="FILE", repeatable=True),
    )
    seed: int | None = field(
        default=None,
        metadata=_option("make ids and chance repeatable", read=_integer, metavar="N"),
    )
    clock: str | None = field(
        default=None,
        metadata=_option("begin at this UTC time and stand still", read=_moment, metavar="ISO"),
    )
    clock_running: bool = field(
        default=False,
        metadata=_option("let time run on from the beginning", read=_switch),
    )
    fsync: Fsync = field(
        default="always",
        metadata=_option("let an answered change survive a power cut, or only a crash", choices=get_args(Fsync)),
    )
    ready_file: Path | None = field(
        default=None,
        metadata=_option("write the ready line to this file too", read=Path, metavar="FILE"),
    )
    log_level: LogLevel = field(
        default="info",
        metadata=_option("least severe log line to write", choices=get_args(LogLevel)),
    )
    log_format: LogFormat = field(
        default="text",
        metadata=_option("form of the log lines", choices=get_args(LogFormat)),
    )
    allow_host: tuple[str, ...] = field(
        default=(),
        metadata=_option("answer to this Host too", read=_host, metavar="HOST", repeatable=True),
    )
    allow_origin: tuple[str, ...] = field(
        default=(),
        metadata=_option("let web pages of this Origin call", read=_origin, metavar="ORIGIN", repeatable=True),
    )
    allow_public_callbacks: bool = field(
        default=False,
        metadata=_option("let callbacks go to public addresses, beyond this machine and its network", read=_switch),
    )
    control_token: str | None = field(
        default=None,
        repr=False,
        metadata=_option(
            "key to changes through /_sandbox, needed beyond loopback", read=_token, metavar="TOKEN", secret=True
        ),
    )
    tls_cert: Path | None = field(
        default=None,
        metadata=_option("serve HTTPS with this certificate", read=Path, metavar="FILE"),
    )
    tls_key: Path | None = field(
        default=None,
        metadata=_option("private key of the certificate", read=Path, metavar="FILE"),
    )

    def url(self, port: int | None = None) -> str:
        """Return where the sandbox is called that listens so, on another port than the one that was asked for."""
        host = _CALLED.get(self.host.strip("[]"), self.host)
        named = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{'https' if self.tls_cert else 'http'}://{named}:{self.port if port is None else port}"


def arguments(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add a flag for every setting, or for these; what is not given stays ``None``, for :func:`read` to find."""
    for setting in _chosen(names):
        described = _describe(setting)
        help = f"{described.help} ({described.variable}, default {described.default})"
        parser.add_argument(described.flag, dest=setting.name, default=None, help=help, **_shape(setting))


def read(namespace: argparse.Namespace, environment: Mapping[str, str], *names: str, **defaults: object) -> Settings:
    """Return the settings: a flag beats the environment, which beats the default; raises :class:`BadSetting`.

    With ``names`` only these are read; ``defaults`` are the caller's own where they differ from those here. An empty
    environment variable counts as unset, because that is what compose files and CI make of an absent one.
    """
    given: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in _chosen(names):
        source, raw = _given(setting, namespace, environment)
        if raw is not None:
            sources[setting.name] = source
            given[setting.name] = _understand(setting, source, raw)
    if not names:
        _check_pair("tls_cert", "tls_key", given, sources)
        _check_pair("tls_key", "tls_cert", given, sources)
    return Settings(**{**defaults, **given})


def table() -> Iterator[Described]:
    """Yield each setting as the docs show it."""
    return map(_describe, fields(Settings))


def _chosen(names: Sequence[str]) -> Iterator[Field[Any]]:
    return (setting for setting in fields(Settings) if not names or setting.name in names)


def _given(
    setting: Field[Any], namespace: argparse.Namespace, environment: Mapping[str, str]
) -> tuple[str, str | bool | Sequence[str] | None]:
    """Return where a setting was given, and what; ``None`` where it was not."""
    described = _describe(setting)
    flagged = getattr(namespace, setting.name, None)
    if flagged is not None:
        return described.flag, flagged
    raw = environment.get(described.variable) or None
    if raw is not None and setting.metadata["repeatable"]:
        return described.variable, [part.strip() for part in raw.split(",") if part.strip()]
    return described.variable, raw


def _understand(setting: Field[Any], source: str, raw: str | bool | Sequence[str]) -> object:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        return _understand_one(setting, source, raw)
    return tuple(_understand_one(setting, source, one) for one in raw)


def _understand_one(setting: Field[Any], source: str, raw: str) -> object:
    choices = setting.metadata["choices"]
    try:
        if not raw.strip():
            raise ValueError("is empty")
        if not choices:
            return setting.metadata["read"](raw)
        if raw.lower() not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return raw.lower()
    except ValueError as error:
        raise BadSetting(source, "***" if setting.metadata["secret"] else raw, str(error)) from None


def _check_pair(name: str, other: str, given: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    if name in given and other not in given:
        raise BadSetting(sources[name], str(given[name]), f"needs {_flag(other)} beside it")


def _describe(setting: Field[Any]) -> Described:
    return Described(
        _flag(setting.name), PREFIX + setting.name.upper(), _show(setting.default), setting.metadata["help"]
    )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _show(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return "none" if default in (None, ()) else str(default)


def _shape(setting: Field[Any]) -> dict[str, Any]:
    """Return how argparse takes the flag; what it means is judged by :func:`read`, as for the environment."""
    if isinstance(setting.default, bool):
        return {"action": argparse.BooleanOptionalAction}
    metavar = setting.metadata["metavar"]
    if setting.metadata["repeatable"]:
        return {"action": "extend", "nargs": "+", "metavar": metavar}
    return {"metavar": metavar}
