"""Every error that Lianpian raises on purpose.

::

    LianpianError
    ├── InputError (ValueError)      what the user gave cannot be used; the project is as it was
    │   ├── FileError                a file is missing, unreadable, cut, empty, too large
    │   ├── CrsError                 coordinates unknown, implausible, or unfit for measuring
    │   ├── ColumnError              a needed column is absent, or a mapping names what is not there
    │   ├── LayerError               rows that break what their kind promises; no usable row
    │   ├── UnknownNameError         no such kind, category, rule pack, walker, plan, layer
    │   ├── MissingLayerError        the analysis needs a layer the project does not have
    │   ├── RuleError                a rule pack that is incomplete or contradicts itself
    │   └── OptionError              options that contradict each other or are out of range
    ├── ProjectError                 the project file is no project, exists already, or is in use
    ├── ConflictError                somebody else has changed it since it was read
    └── CheckError                   an answer failed its independent check: our fault, never shown

Messages are one line: what is wrong, with the file, row, column or number, then what to do.
The library knows nothing of exit codes or HTTP; ``api.cli`` and ``api.errors`` map these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LianpianError(Exception):
    """Base of all errors raised on purpose."""


class InputError(LianpianError, ValueError):
    """What the user gave cannot be used."""


class FileError(InputError):
    """A file is missing, unreadable, cut in half, empty, too large or of no known format."""


class CrsError(InputError):
    """Coordinates are unknown, implausible, or unfit for measuring."""


class ColumnError(InputError):
    """A needed column is absent, or a mapping names a column that is not there."""


class LayerError(InputError):
    """Rows break what their kind promises, or no usable row is left."""


class UnknownNameError(InputError):
    """There is no kind, category, rule pack, walker, plan or layer of that name."""


class MissingLayerError(InputError):
    """The analysis needs a layer that the project does not have."""


class RuleError(InputError):
    """A rule pack is incomplete or contradicts itself."""


class OptionError(InputError):
    """Options contradict each other or are out of range."""


class ProjectError(LianpianError):
    """The project file is no project, exists already, or is in use."""


class ConflictError(LianpianError):
    """Somebody else has changed what was to be changed; nothing was written.

    Parameters
    ----------
    message
        What was changed, and what to do.
    yours, theirs
        Both versions, as JSON values: what was to be written, and what is there now.
    """

    def __init__(
        self, message: str, *, yours: Mapping[str, Any], theirs: Mapping[str, Any]
    ) -> None:
        super().__init__(message)
        self.yours = yours
        self.theirs = theirs


class CheckError(LianpianError):
    """An answer failed its independent check; it is a fault of ours and is never shown."""
