"""The command line: `main`, what the script ``nearspace`` calls; a command is a file beside."""

from __future__ import annotations

import sys

from nearspace.cli.signals import SIGNALS

__all__ = ["main"]

BROKEN_PIPE = 141  # what the shell says of a process that SIGPIPE ended


def main() -> None:
    """Run the command line; an error is one sentence on standard error and exit code 2."""
    SIGNALS.stand()
    from nearspace.cli import streams

    streams.open_what_is_closed()
    printed = streams.outlet("stdout")
    streams.outlet("stderr")
    code = _run()
    streams.flush()
    if isinstance(printed.error, BrokenPipeError):
        code = code or BROKEN_PIPE
    elif printed.error is not None:
        code = code or 2
        why = printed.error.strerror
        print(f"nearspace: standard output cannot be written ({why}).", file=sys.stderr, flush=True)
    sys.exit(code)


def _run() -> int:
    """Run the command that was asked for, and return its exit code."""
    from nearspace.errors import NearspaceError
    from nearspace.learning.threads import let_waiting_threads_sleep

    let_waiting_threads_sleep()
    from nearspace.cli.app import app
    from nearspace.cli.terminal import echo, ready_streams

    ready_streams()
    try:
        app(prog_name="nearspace")
    except NearspaceError as error:
        echo(f"nearspace: {error}", err=True, wrap=sys.stderr.isatty())
        return 2
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0
    return 0
