"""Which candidates a question is about."""

from __future__ import annotations

from collections.abc import Sequence

from gis.model import Study
from gis.rules import Rule
from gis.sites.anywhere import along_streets, fits_anywhere
from gis.sites.ask import Ask
from gis.sites.candidates import Candidates, candidates_of
from gis.sites.fitting import Fit, fit


def candidates_for(study: Study, rules: Sequence[Rule], ask: Ask) -> Candidates:
    """Return the sites and what could be enlarged, or places along the streets.

    Raises
    ------
    MissingLayerError, OptionError
        As `gis.sites.candidates_of` and `gis.sites.anywhere.along_streets`.
    """
    if ask.anywhere_m is not None:
        return along_streets(study, ask.anywhere_m)
    return candidates_of(
        study,
        rules=rules,
        by_year=ask.by_year,
        means=ask.means or None,
        upgrades=ask.upgrades,
        rent_years=ask.rent_years,
    )


def fit_of(candidates: Candidates, rule: Rule, ask: Ask) -> Fit:
    """Say which candidates can hold the service of a rule."""
    if ask.anywhere_m is not None:
        return fits_anywhere(candidates, rule)
    return fit(candidates, rule, unknown=ask.unknown)
