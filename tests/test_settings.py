"""Settings: a flag beats the environment, which beats the default; what is wrong is said in one line."""

import argparse
import contextlib
import io
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from sandbox import settings
from sandbox.settings import BadSetting, Settings, table


def chosen(*flags: str, environment: Mapping[str, str] | None = None) -> Settings:
    parser = argparse.ArgumentParser()
    settings.arguments(parser)
    return settings.read(parser.parse_args(flags), environment or {})


def test_without_flags_and_environment_the_defaults_hold() -> None:
    assert chosen() == Settings()
    assert chosen(environment={"PATH": "/bin", "BALANCED_SANDBOX_URL": "x"}) == Settings()


def test_the_server_is_for_this_machine_only_unless_told_otherwise() -> None:
    assert Settings().host == "127.0.0.1"


FLAGS = [
    (["--host", "0.0.0.0"], Settings(host="0.0.0.0")),
    (["--port", "0"], Settings(port=0)),
    (["--port=65535"], Settings(port=65535)),
    (["--data-dir", "a/b"], Settings(data_dir=Path("a/b"))),
    (["--memory"], Settings(memory=True)),
    (["--memory", "--data-dir", "a"], Settings(memory=True, data_dir=Path("a"))),
    (["--fixtures", "shop", "a,b.json", "--fixtures", "c.json"], Settings(fixtures=("shop", "a,b.json", "c.json"))),
    (["--seed", "-7"], Settings(seed=-7)),
    (["--clock", "2013-05-06T17:18:00Z"], Settings(clock="2013-05-06T17:18:00Z")),
    (["--clock", "2013-05-06T17:18:00.5+00:00"], Settings(clock="2013-05-06T17:18:00.500000Z")),
    (["--clock-running"], Settings(clock_running=True)),
    (["--fsync", "os"], Settings(fsync="os")),
    (["--ready-file", "r.json"], Settings(ready_file=Path("r.json"))),
    (["--log-level", "DEBUG"], Settings(log_level="debug")),
    (["--log-format", "json"], Settings(log_format="json")),
    (
        ["--allow-host", "a.test", "--allow-host", "[::5]", "fd00::1"],
        Settings(allow_host=("a.test", "[::5]", "fd00::1")),
    ),
    (["--allow-origin", "https://a.test:8443"], Settings(allow_origin=("https://a.test:8443",))),
    (["--allow-public-callbacks"], Settings(allow_public_callbacks=True)),
    (["--control-token", "s3cret"], Settings(control_token="s3cret")),
    (["--tls-cert", "c", "--tls-key", "k"], Settings(tls_cert=Path("c"), tls_key=Path("k"))),
]


@pytest.mark.parametrize(("flags", "expected"), FLAGS, ids=[" ".join(flags) for flags, _ in FLAGS])
def test_a_flag_sets_its_setting(flags: list[str], expected: Settings) -> None:
    assert chosen(*flags) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "1234", Settings(port=1234)),
        ("DATA_DIR", "a", Settings(data_dir=Path("a"))),
        ("MEMORY", "1", Settings(memory=True)),
        ("MEMORY", "Yes", Settings(memory=True)),
        ("MEMORY", "off", Settings()),
        ("FIXTURES", "shop, b.json,", Settings(fixtures=("shop", "b.json"))),
        ("ALLOW_HOST", "a.test,b.test", Settings(allow_host=("a.test", "b.test"))),
        ("SEED", "", Settings()),
        ("FIXTURES", "", Settings()),
        ("FSYNC", "OS", Settings(fsync="os")),
    ],
)
def test_an_environment_variable_sets_its_setting(name: str, value: str, expected: Settings) -> None:
    assert chosen(environment={f"BALANCED_SANDBOX_{name}": value}) == expected


def test_one_bad_value_of_several_is_named() -> None:
    with pytest.raises(BadSetting, match=r"^BALANCED_SANDBOX_ALLOW_ORIGIN: 'null' is no origin"):
        chosen(environment={"BALANCED_SANDBOX_ALLOW_ORIGIN": "https://a.test,null"})


def test_a_flag_beats_the_environment() -> None:
    environment = {
        "BALANCED_SANDBOX_PORT": "nonsense",
        "BALANCED_SANDBOX_FIXTURES": "a",
        "BALANCED_SANDBOX_MEMORY": "1",
    }

    assert chosen("--port", "1", "--fixtures", "b", "--no-memory", environment=environment) == Settings(
        port=1, fixtures=("b",), memory=False
    )


@pytest.mark.parametrize(
    ("flag", "value", "why"),
    [
        ("--host", "", "is empty"),
        ("--host", "a..b", "is no host name or address; leave out scheme, port and wildcards"),
        ("--host", "a" * 64, "is no host name or address; leave out scheme, port and wildcards"),
        ("--host", "localhost:80", "is no host name or address; leave out scheme, port and wildcards"),
        ("--port", "65536", "is no port from 0 to 65535"),
        ("--port", "http", "is no port from 0 to 65535"),
        ("--port", "8_0", "is no port from 0 to 65535"),
        ("--port", "٨", "is no port from 0 to 65535"),
        ("--data-dir", " ", "is empty"),
        ("--fixtures", "", "is empty"),
        ("--seed", "1.5", "is no whole number"),
        ("--seed", "9" * 20, "is no whole number"),
        ("--clock", "yesterday", "is no time in UTC such as 2013-05-06T17:18:00Z"),
        ("--clock", "2013-05-06", "is no time in UTC such as 2013-05-06T17:18:00Z"),
        ("--clock", "2013-05-06T17:18:00", "is no time in UTC such as 2013-05-06T17:18:00Z"),
        ("--clock", "2013-05-06T17:18:00+02:00", "is no time in UTC such as 2013-05-06T17:18:00Z"),
        ("--fsync", "never", "is none of always, os"),
        ("--log-level", "loud", "is none of debug, info, warning, error"),
        ("--log-format", "xml", "is none of text, json"),
        ("--allow-host", "http://a.test", "is no host name or address; leave out scheme, port and wildcards"),
        ("--allow-host", "a.test:80", "is no host name or address; leave out scheme, port and wildcards"),
        ("--allow-host", "*", "is no host name or address; leave out scheme, port and wildcards"),
        ("--allow-origin", "a.test", "is no origin such as https://app.example.com:8080; leave out any path"),
        ("--allow-origin", "http://a.test/", "is no origin such as https://app.example.com:8080; leave out any path"),
        ("--allow-origin", "*", "is no origin such as https://app.example.com:8080; leave out any path"),
        ("--tls-cert", "c", "needs --tls-key beside it"),
        ("--tls-key", "k", "needs --tls-cert beside it"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_its_source(flag: str, value: str, why: str) -> None:
    variable = "BALANCED_SANDBOX_" + flag[2:].upper().replace("-", "_")

    with pytest.raises(BadSetting) as by_flag:
        chosen(f"{flag}={value}")
    assert str(by_flag.value) == f"{flag}: {value!r} {why}"

    if value:
        with pytest.raises(BadSetting) as by_variable:
            chosen(environment={variable: value})
        assert str(by_variable.value) == f"{variable}: {value!r} {why}"


def test_a_switch_in_the_environment_is_on_or_off() -> None:
    with pytest.raises(BadSetting, match=r"^BALANCED_SANDBOX_MEMORY: 'maybe' is neither on nor off$"):
        chosen(environment={"BALANCED_SANDBOX_MEMORY": "maybe"})


def test_a_value_with_a_newline_still_makes_one_line() -> None:
    with pytest.raises(BadSetting) as refused:
        chosen("--port", "1\n2")

    assert "\n" not in str(refused.value)


def test_the_control_token_is_never_shown() -> None:
    assert "s3cret" not in repr(chosen("--control-token", "s3cret"))
    with pytest.raises(BadSetting) as refused:
        chosen("--control-token", "s3cret token")
    assert "s3cret" not in str(refused.value)
    assert refused.value.value == "***"


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]  # the point of the test


def test_every_setting_has_a_flag_a_variable_and_help() -> None:
    described = list(table())

    assert [row.flag for row in described] == ["--" + field.name.replace("_", "-") for field in fields(Settings)]
    assert all(row.variable == "BALANCED_SANDBOX_" + row.flag[2:].replace("-", "_").upper() for row in described)
    assert all(row.help and row.default for row in described)


def test_help_shows_every_flag_with_its_variable() -> None:
    parser = argparse.ArgumentParser()
    settings.arguments(parser)
    shown = io.StringIO()

    with contextlib.redirect_stdout(shown):
        parser.print_help()

    text = " ".join(shown.getvalue().split())
    assert all(row.flag in text and row.variable in text for row in table())
