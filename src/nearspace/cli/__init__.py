"""The command line: `main`, what the script ``nearspace`` calls; a command is a file beside."""

from __future__ import annotations

import sys

from nearspace.errors import NearspaceError
from nearspace.learning.threads import let_waiting_threads_sleep

__all__ = ["main"]


def main() -> None:
    """Run the command line; an error is one sentence on standard error and exit code 2."""
    let_waiting_threads_sleep()
    from nearspace.cli.app import app
    from nearspace.cli.terminal import echo, ready_streams

    ready_streams()
    try:
        app()
    except NearspaceError as error:
        echo(f"nearspace: {error}", err=True)
        sys.exit(2)
