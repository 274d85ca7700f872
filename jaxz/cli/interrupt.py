"""What Ctrl-C and a request to end do to a run whose finished work is on disk already: end it at once, in one line."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from jaxz.cli.console import messages, say


@contextmanager
def ends_at_once(hint: str) -> Iterator[None]:
    """End the process on SIGINT and SIGTERM while the block runs, without waiting for the threads that compute.

    Args:
        hint: how to go on, for the message.
    """

    def end(number: int, frame: FrameType | None) -> None:
        messages.show_cursor()
        say(f"stopped by {signal.Signals(number).name}: {hint}")
        # Neither a compiler nor a device can be interrupted; nothing of the parts at hand is on disk.
        os._exit(128 + number)

    former = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
