"""What a server keeps in memory between questions: bounded, each thing made once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from gis.errors import ProjectError

T = TypeVar("T")

MOST_WAITING: Final = 8
"""How many may wait for what is being made; the others would take all threads of the server."""


class Kept(Generic[T]):
    """At most ``most`` things; what was unused for longest goes first.

    A thing has a key and a mark. Asked for with another mark it is made anew, in the place of the
    old one. Of several who ask for it at once, one makes it and the others wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, tuple[Hashable, Future[T]]] = OrderedDict()
        self._waiting = 0

    def __len__(self) -> int:
        return len(self._made)

    def get(self, key: Hashable, mark: Hashable, make: Callable[[], T]) -> T:
        """Return the thing of that key and mark; what ``make`` raises, all who wait get.

        Raises
        ------
        ProjectError
            It is being made, and `MOST_WAITING` wait for things already.
        """
        with self._lock:
            there = self._made.get(key)
            mine = there is None or there[0] != mark
            if there is None or mine:
                there = self._made[key] = (mark, Future())
            self._made.move_to_end(key)
            # Before the new one is made: the old ones must not stand beside it in memory.
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        _, future = there
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:  # noqa: BLE001 (all who wait get it)
                self._drop(key, there)
                future.set_exception(error)
        return future.result() if future.done() else self._wait(future)

    def _wait(self, future: Future[T]) -> T:
        with self._lock:
            if self._waiting >= MOST_WAITING:
                raise ProjectError("This is being worked out for others; try again in a moment")
            self._waiting += 1
        try:
            return future.result()
        finally:
            with self._lock:
                self._waiting -= 1

    def _drop(self, key: Hashable, there: tuple[Hashable, Future[T]]) -> None:
        with self._lock:
            if self._made.get(key) is there:
                del self._made[key]


@dataclass(frozen=True)
class Answer:
    """What was answered to a question.

    ``subject`` is what was asked about, ``mark`` the state of all that the answer was made of;
    ``body`` says of which state it is, and so does ``etag``.
    """

    subject: tuple[Any, ...]
    mark: Hashable
    body: bytes
    etag: str


@dataclass(eq=False)
class _Question:
    last: Answer | None = None
    going: Future[Answer] | None = None


class Answers:
    """The last answer to each of at most ``most`` questions; what was unused longest goes first.

    To a question one answer at a time is worked out. While that goes on, others get the answer
    before it, if there is one on the same subject: under its own tag, never under the new one. On
    another subject they get it only where too many wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._questions: OrderedDict[Hashable, _Question] = OrderedDict()
        self._waiting = 0

    def get(
        self, key: Hashable, subject: Hashable, mark: Hashable, make: Callable[[], Answer]
    ) -> Answer:
        """Return the answer with that mark, or one before it while a newer one is worked out.

        ``make`` may answer on a later state than was asked for; its answer says so.

        Raises
        ------
        ProjectError
            It is being worked out, and `MOST_WAITING` wait for answers already.
        """
        while True:
            with self._lock:
                question = self._questions.setdefault(key, _Question())
                self._questions.move_to_end(key)
                while len(self._questions) > self._most:
                    self._questions.popitem(last=False)
                last, going = question.last, question.going
                same = last is not None and last.subject == subject
                if last is not None and same and (last.mark == mark or going is not None):
                    return last
                if going is None:
                    mine = question.going = Future()
                    break
                if self._waiting >= MOST_WAITING:
                    if last is not None:
                        return last
                    raise ProjectError("This is being worked out for others; try again in a moment")
                self._waiting += 1
            try:
                found = going.result()
            finally:
                with self._lock:
                    self._waiting -= 1
            if found.subject == subject:
                return found
        return self._made(question, mine, make)

    def _made(
        self, question: _Question, mine: Future[Answer], make: Callable[[], Answer]
    ) -> Answer:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                question.going = None
            mine.set_exception(error)
            raise
        with self._lock:
            question.last, question.going = made, None
        mine.set_result(made)
        return made
