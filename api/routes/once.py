"""Answers that take seconds to make: made once for all who ask, and kept for the next."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from fastapi import Request
from starlette.exceptions import HTTPException

MOST_BYTES: Final = 200_000_000
MOST_AT_ONCE: Final = 1
"""More would take the processors from those whose answers are ready."""
MOST_WAITING: Final = 16
WAIT_S: Final = 60.0


@dataclass(frozen=True)
class Made:
    """A body, and headers that belong to it, such as its own ETag."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Once:
    """A bounded memory of answers.

    Whoever asks for what is being made waits for it without holding a thread: a hundred people who
    open the same map cost one, and nobody else waits.
    """

    def __init__(self, most: int = MOST_BYTES, *, wait_s: float = WAIT_S) -> None:
        self._most = most
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Made] = OrderedDict()
        self._going: dict[Hashable, Future[Made]] = {}
        self._of_family: dict[Hashable, Hashable] = {}
        self._newest: dict[Hashable, Hashable] = {}
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="once")

    async def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what stands under ``key``, made by ``make`` where it is not there.

        What ``make`` raises is raised to all who wait, and is not kept.

        Raises
        ------
        HTTPException
            503: it was not ready in time (it goes on being made), or too much is waited for.
        """
        found = self._begun(key, make)
        return found if isinstance(found, Made) else await self._wait(found)

    async def newest(self, family: Hashable, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return what stands under ``key``; while it is made, to all others the one before it.

        Of a family one is made at a time. Who asks meanwhile, for whatever key of it, gets the last
        one that was made; where there is none yet, the one that is being made.

        Raises
        ------
        HTTPException
            As `get`, where there is none before it either.
        """
        with self._lock:
            before = self._kept.get(self._newest.get(family))
            at_work = self._going.get(self._of_family.get(family))
            if key not in self._kept and at_work is None:
                self._of_family[family] = key
        if at_work is not None and key not in self._kept:
            return before or await self._wait(at_work)
        try:
            return await self.get(key, make)
        except HTTPException:
            if before is None:
                raise
            return before

    def _begun(self, key: Hashable, make: Callable[[], Made]) -> Made | Future[Made]:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            going = self._going.get(key)
            if going is not None:
                return going
            if len(self._going) >= MOST_WAITING:
                raise _not_yet("Too much is being made at once; try again in a while")
            going = self._going[key] = self._pool.submit(make)
        # Outside the lock: what is done already calls back at once.
        going.add_done_callback(lambda done: self._finish(key, done))
        return going

    async def _wait(self, going: Future[Made]) -> Made:
        waiting = asyncio.wrap_future(going)
        done, _ = await asyncio.wait([waiting], timeout=self._wait_s)
        if not done:
            # Who comes next is told of it; nobody is left to hear of a failure here.
            waiting.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise _not_yet("This is still being made; ask again in some seconds")
        return waiting.result()

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _finish(self, key: Hashable, done: Future[Made]) -> None:
        with self._lock:
            self._going.pop(key, None)
            families = [name for name, of in self._of_family.items() if of == key]
            for family in families:
                del self._of_family[family]
            if done.cancelled() or done.exception() is not None:
                return
            self._kept[key] = done.result()
            self._newest |= dict.fromkeys(families, key)
            while len(self._kept) > 1 and self._size() > self._most:
                self._kept.popitem(last=False)
            self._newest = {name: of for name, of in self._newest.items() if of in self._kept}

    def _size(self) -> int:
        return sum(len(made.body) for made in self._kept.values())


def once_of(request: Request) -> Once:
    """Return the memory of the application that a request came to."""
    once: Once = request.app.state.once
    return once


def _not_yet(words: str) -> HTTPException:
    return HTTPException(503, words, {"Retry-After": "10"})
