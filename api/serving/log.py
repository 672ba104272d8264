"""Log lines that a person or a program can read; no address, query or body of a request is in them.

A share's link is a secret, and a name may be personal: what is logged of a request is the template
of its route, as ``/s/{token}``.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any, Final, Literal

LOGGER: Final = logging.getLogger("lianpian")
Form = Literal["json", "text", "off"]


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, message, and what else was said of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "told", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = _traceback(record)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """One line for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = " ".join(f"{key}={value}" for key, value in getattr(record, "told", {}).items())
        shown = "".join(c if c.isprintable() else " " for c in f"{record.getMessage()} {told}")
        line = f"{_time(record.created)} {record.levelname:7} {shown.rstrip()}"
        if record.exc_info and record.exc_info[1] is not None:
            line += "\n" + _traceback(record)
        return line


def start_log(form: Form) -> None:
    """Send the log to standard error in a form; a second call puts another in its place.

    A person at a terminal gets text all the same: JSON is for programs.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    for_programs = form == "json" and not sys.stderr.isatty()
    handler.setFormatter(JsonLines() if for_programs else TextLines())
    if form == "off":
        handler = logging.NullHandler()
    for name in ("lianpian", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)


def say(message: str, *, level: int = logging.INFO, **told: Any) -> None:
    """Write a line; ``told`` become fields of it."""
    LOGGER.log(level, message, extra={"told": told})


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _traceback(record: logging.LogRecord) -> str:
    """Return where it happened; the message of an error may hold values of a request."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__))
    return "".join([*frames, type(error).__name__])


class Watch:
    """Measures one request."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self._begin
