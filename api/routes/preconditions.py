"""If-Match: which version of a thing a change is meant for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header
from starlette.exceptions import HTTPException

from api.store import Project

_TAG: Final = re.compile(r'^"([\x21\x23-\x7e]{1,200})"$')
_NUMBER: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9a-f]{1,16}))?", re.ASCII)
_AS_ANSWERED: Final = 'If-Match: give one ETag as it was answered, like "3.0f9a2c41"'
_NEVER: Final = 0
"""No row and no layer has this number: a change that is meant for it is told what there is."""


@dataclass(frozen=True)
class Matched:
    """A number that a change is meant for, and the mark of the project it was read from."""

    number: int
    mark: str

    def of(self, project: Project) -> int:
        """Return the number, if it is one of this project.

        A copy that was put in the place of a project has the same numbers for other states.
        """
        return self.number if self.mark == project.mark else _NEVER


def _tag(if_match: Annotated[str | None, Header(max_length=300)] = None) -> str:
    if if_match is None:
        raise HTTPException(
            428,
            "Say in If-Match which version you change: the ETag of what you have read. Nobody "
            "shall overwrite what another has written meanwhile",
        )
    found = _TAG.match(if_match.strip())
    if found is None:
        raise HTTPException(422, _AS_ANSWERED)
    return found[1]


def _number(tag: Annotated[str, Depends(_tag)]) -> Matched:
    found = _NUMBER.fullmatch(tag)
    if found is None:
        raise HTTPException(422, _AS_ANSWERED)
    return Matched(int(found[1]), found[2] or "")


MatchTag = Annotated[str, Depends(_tag)]
"""The tag that the request gave, without its quotation marks; 428 where it gave none."""

MatchNumber = Annotated[Matched, Depends(_number)]
"""The same where tags are numbers and marks: the rev of a row, the version of a layer."""
