"""Renewal by local rules: one engine, many policy profiles kept as data."""

from gis.renewal.profiles import DEFAULT_PROFILE, Profile, load_profile, profile_names

__all__ = ["DEFAULT_PROFILE", "Profile", "load_profile", "profile_names"]
