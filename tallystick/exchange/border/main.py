"""``tallystick-border --home DIR``: the border as a service, for systemd or ``tallystick up``.

SIGTERM and SIGINT end it in order, SIGHUP makes it read the outbox and pull every peer now.
"""

import argparse
import asyncio
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tallystick.config.errors import TallystickError
from tallystick.config.i18n import _
from tallystick.exchange.border.memory import few_arenas

__all__ = ["main"]

_UMASK = 0o027
"""What this process makes is at most readable by its group: the archive and the inbox are meant for it."""


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tallystick-border",
        description=_("Serves one state's log to its peers and pulls theirs. Opens HOME/border only."),
    )
    home = os.environ.get("TALLYSTICK_HOME", ".")
    parser.add_argument("--home", type=Path, default=Path(home), metavar="DIR", help=_("home of the state"))
    parser.add_argument("--debug", action="store_true", help=_("log every call and every pull"))
    return parser.parse_args(argv)


def _stay_small() -> None:
    """Before anything large is loaded: structlog loads ``rich`` (6 MB) where it is installed, for nobody to see."""
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    few_arenas()


def _listening(address: str) -> None:
    print(_("listening on {address}").format(address=address), flush=True)  # noqa: T201 - the service's one line


async def _serve(home: Path, *, debug: bool) -> None:
    from tallystick.exchange.border.process import Border, border_secrets  # noqa: PLC0415 - after _stay_small

    border = Border(home, border_secrets(home), debug=debug, told=_listening)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, border.stop)
    loop.add_signal_handler(signal.SIGHUP, border.pull_now)
    await border.run()


def main(argv: Sequence[str] | None = None) -> None:
    """Run a border until a signal ends it; errors become two lines and an exit code."""
    arguments = _arguments(argv)
    os.umask(_UMASK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its memory holds the TLS key
    _stay_small()
    try:
        asyncio.run(_serve(arguments.home.absolute(), debug=arguments.debug))
    except TallystickError as error:
        from tallystick.exchange.border.logbook import clean  # noqa: PLC0415 - after _stay_small

        sys.stderr.write(f"{_('error:')} {clean(error.message)}\n")
        if error.hint:
            sys.stderr.write(f"{_('hint:')} {clean(error.hint)}\n")
        sys.exit(error.exit_code)
