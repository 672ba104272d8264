"""Policy profiles: one place's coefficients and defaults, read from ``data/profiles``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Final

from gis.errors import RuleError, UnknownNameError
from gis.resources import data_dir

DEFAULT_PROFILE: Final = "national"


@dataclass(frozen=True)
class Profile:
    """What differs from place to place.

    ``persons_per_household`` estimates people where only households are known; ``rules`` is the
    rule pack that is used unless another is named.
    """

    name: str
    zh: str
    en: str
    persons_per_household: float
    persons_per_household_source: str
    rules: str

    def __post_init__(self) -> None:
        if not 1 <= self.persons_per_household <= 10:
            raise RuleError(
                f"data/profiles/{self.name}.toml: persons_per_household is "
                f"{self.persons_per_household}; give a mean between 1 and 10"
            )
        if not self.persons_per_household_source:
            raise RuleError(
                f"data/profiles/{self.name}.toml: persons_per_household has no source; name one"
            )


def profile_names() -> tuple[str, ...]:
    """Return the names of all profiles, in alphabetical order."""
    return tuple(sorted(path.stem for path in (data_dir() / "profiles").glob("*.toml")))


def load_profile(name: str) -> Profile:
    """Read one profile.

    Raises
    ------
    UnknownNameError
        There is no profile of that name.
    RuleError
        A line of it is missing or out of range.
    """
    if name not in profile_names():
        raise UnknownNameError(
            f"There is no policy profile '{name}'; give one of: {', '.join(profile_names())}"
        )
    row = tomllib.loads((data_dir() / "profiles" / f"{name}.toml").read_text("utf-8"))
    try:
        return Profile(name=name, **row)
    except TypeError as error:
        raise RuleError(f"data/profiles/{name}.toml: {error}; see data/README.md") from error
