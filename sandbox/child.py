"""A command that runs beside the sandbox: signals meant for us are handed on to it, and its exit code becomes ours."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress

from sandbox.exits import Stop

GRACE = 10.0  # seconds a command has to end in when it was told to; then it is killed

# As shells have them.
CANNOT_RUN, NOT_FOUND, BY_SIGNAL = 126, 127, 128

_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


async def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end and return its exit code, 128 + N where signal N ended it.

    Raises ``Stop`` for a command that cannot be run. Whatever happens here, the command does not outlive it.
    """
    meant: asyncio.Queue[signal.Signals] = asyncio.Queue()
    _listen(meant)
    try:
        child = await asyncio.create_subprocess_exec(*command, env=environment)
    except OSError as trouble:
        code = NOT_FOUND if isinstance(trouble, FileNotFoundError) else CANNOT_RUN
        raise Stop(f"{command[0]}: {trouble.strerror}", code) from None
    handing_on = asyncio.create_task(_hand_on(meant, child))
    try:
        code = await child.wait()
    finally:
        handing_on.cancel()
        _send(child, signal.SIGKILL)
        await child.wait()
    return code if code >= 0 else BY_SIGNAL - code


def _listen(meant: asyncio.Queue[signal.Signals]) -> None:
    loop = asyncio.get_running_loop()
    for number in _HANDED_ON:
        # What nohup or a shell's & lets us ignore, the command ignores too.
        if signal.getsignal(number) is not signal.SIG_IGN:
            with suppress(NotImplementedError):
                loop.add_signal_handler(number, meant.put_nowait, number)


async def _hand_on(meant: asyncio.Queue[signal.Signals], child: Process) -> None:
    while True:
        number = await meant.get()
        if number == signal.SIGINT:
            # Ctrl-C goes to everyone in the foreground of the terminal; a second one would cut tidying up short.
            if not _in_foreground():
                _send(child, number)
        else:
            _send(child, number)
            asyncio.get_running_loop().call_later(GRACE, _send, child, signal.SIGKILL)


def _send(child: Process, number: signal.Signals) -> None:
    # Not by Process.send_signal: that may reap the child, and whoever waits for it then misses its exit code.
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)


def _in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
