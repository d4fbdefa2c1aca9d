"""How signals end the command line: Ctrl-C, SIGTERM, and the SIGHUP of a terminal that closes.

Before a command begins there is nothing to clear up: the process ends where it stands, as libraries
that are being imported would make anything of an exception. While a command runs, an exception
clears up behind it; not inside an import, which is waited for. A second signal ends all at once.

`main` imports this before all else, so it imports next to nothing.
"""

from __future__ import annotations

import atexit
import os
import sys
import time

TYPE_CHECKING = False  # to import typing takes longer than all of this, and signal as long
if TYPE_CHECKING:
    import signal
    from types import FrameType
else:
    import _signal as signal

WORDS: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):
    WORDS[signal.SIGHUP] = "hung up"
TURN = getattr(signal, "SIGVTALRM", None)  # nobody sends it; by it a signal that waits comes again
PAUSE = 0.01  # seconds until then
TOGETHER = 0.5  # seconds in which signals count as one: timeout(1) sends it to the group as well
SHOW_CURSOR = b"\x1b[?25h"  # which a bar may have hidden


class Terminated(SystemExit):
    """A command is to end and to clear up behind it, whatever it would tell after Ctrl-C."""


class Signals:
    """What ends this process before its time.

    Attributes
    ----------
    number : int or None
        The signal that came first.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._came = 0.0
        self._begun = self._ended = self._waits = False
        self._nudge: int | None = None

    def stand(self) -> None:
        """Take the signals, but for those that whoever started this process keeps from it."""
        for number in WORDS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)
        atexit.register(_ignore)  # as the first there is it is the last that is called
        if os.name == "posix":
            sys.unraisablehook = self._lost
            self._watch()

    def begin(self) -> None:
        """From here on, end the command by an exception."""
        self._begun = True

    def end(self) -> None:
        """From here on, let the process end by itself, as the command is done."""
        self._ended = True

    @property
    def exit_code(self) -> int:
        """The code of a process that the signal ended."""
        return 128 + (self.number or signal.SIGINT)

    @property
    def word(self) -> str:
        """What the signal did."""
        return WORDS[self.number or signal.SIGINT]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number == TURN:
            if not self._waits:
                return
        elif self.number is None:
            self.number, self._came = number, time.monotonic()
        elif time.monotonic() - self._came < TOGETHER:
            return
        else:
            self._leave("ended at once")
        if not self._begun:
            self._leave("nothing was written")
        if self._ended:
            self._waits = False
            return
        if self._nudge is not None and _imports(frame):
            self._wait()
            return
        self._waits = False
        raise KeyboardInterrupt if self.number == signal.SIGINT else Terminated(self.exit_code)

    def _leave(self, what: str) -> None:
        """End where the process stands."""
        try:
            shown = SHOW_CURSOR if os.isatty(2) else b""
            os.write(2, shown + f"nearspace: {self.word}; {what}.\n".encode())
        except OSError:
            pass
        os._exit(self.exit_code)

    def _wait(self) -> None:
        """Let the signal come again in a moment."""
        self._waits = True
        if self._nudge is not None:
            os.write(self._nudge, b"\0")

    def _lost(self, info: sys.UnraisableHookArgs) -> None:
        """Let the signal come again whose exception came where nothing takes one."""
        if issubclass(info.exc_type, (KeyboardInterrupt, Terminated)):
            self._wait()
        else:
            sys.__unraisablehook__(info)

    def _watch(self) -> None:
        """Have a thread see signals while the main one is in a long step of some library."""
        import threading

        reading, self._nudge = os.pipe()
        os.set_blocking(self._nudge, False)
        signal.signal(signal.SIGVTALRM, self._handle)
        signal.set_wakeup_fd(self._nudge, warn_on_full_buffer=False)
        threading.Thread(target=self._see, args=(reading,), daemon=True).start()

    def _see(self, reading: int) -> None:
        import _thread
        import select

        came: float | None = None
        while True:
            ready, _, _ = select.select([reading], [], [], PAUSE if self._waits else None)
            if not ready:
                _thread.interrupt_main(signal.SIGVTALRM)
            numbers = os.read(reading, 512) if ready else b""
            for number in filter(WORDS.__contains__, numbers):
                came = came or time.monotonic()
                if time.monotonic() - came > TOGETHER:
                    self.number = self.number or number
                    self._leave("ended at once")


def _ignore() -> None:
    for number in WORDS:
        signal.signal(number, signal.SIG_IGN)


def _imports(frame: FrameType | None) -> bool:
    """Return whether a module is being imported since `main` was called."""
    while frame is not None and frame.f_globals.get("__name__") != "nearspace.cli":
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


SIGNALS = Signals()
