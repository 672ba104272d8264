"""Names of people: what they sign in with, no two of which look alike, and what is shown."""

from __future__ import annotations

import unicodedata
from typing import Final

from gis.errors import OptionError

LONGEST_NAME: Final = 64
LONGEST_SHOWN: Final = 100
_SIGNS: Final = frozenset("._-@+")
_ALPHABETS: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})
"""Alphabets with letters that look the same; a name keeps to one of them."""

# Letters and marks that are drawn as nothing: two names with and without them look the same.
_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | frozenset(
    chr(code)
    for low, high in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for code in range(low, high + 1)
)


def folded(text: str) -> str:
    """Return a name as it is compared: without regard to case, width and way of composing."""
    for _ in range(3):  # folding may undo composing; after a second round nothing moves any more
        text = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", text)


def sign_in_name(text: str) -> str:
    """Return the name under which a person signs in, folded: one person, one way of writing it.

    Raises
    ------
    OptionError
        It is empty or too long, or holds what cannot be seen or told apart.
    """
    name = folded(text.strip())
    if not name:
        raise OptionError("The name to sign in with is empty; give letters or digits")
    if len(name) > LONGEST_NAME:
        raise OptionError(f"The name to sign in with is longer than {LONGEST_NAME} letters")
    wrong = next((letter for letter in name if not _is_fit(letter)), None)
    if wrong is not None:
        told = f"'{wrong}'" if wrong.isprintable() else f"U+{ord(wrong):04X}"
        raise OptionError(
            f"A name to sign in with cannot hold {told}; use letters, digits and . _ - @ +"
        )
    if unicodedata.category(name[0])[0] not in "LN":
        raise OptionError(f"The name '{name}' begins with a sign; begin with a letter or digit")
    alphabets = {_alphabet(letter) for letter in name} & _ALPHABETS
    if len(alphabets) > 1:
        mixed = " and ".join(sorted(alphabet.title() for alphabet in alphabets))
        raise OptionError(f"The name '{name}' mixes {mixed} letters that look alike; use one kind")
    return name


def shown_name(text: str) -> str:
    """Return a name as it is shown to others: one line that can be printed.

    Raises
    ------
    OptionError
        It is empty or too long, or holds what cannot be printed.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise OptionError("The name to be shown is empty; give one")
    if len(name) > LONGEST_SHOWN:
        raise OptionError(f"The name to be shown is longer than {LONGEST_SHOWN} letters")
    if not name.isprintable() or _UNSEEN & set(name):
        raise OptionError("The name to be shown holds what cannot be seen; write plain letters")
    return name


def _is_fit(letter: str) -> bool:
    kind = unicodedata.category(letter)
    seen = kind[0] == "L" or kind in ("Nd", "Mn", "Mc")
    return (seen and letter not in _UNSEEN) or letter in _SIGNS


def _alphabet(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
