"""What a measurement rests on: it travels with the figures to every table and map."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.network import Ground, WalkNetwork
from gis.rules import Rule, RulePack
from gis.walkers import Walker

STARTS: Final = ("gate", "assumed", "boundary", "point", "building", "unlinked")


def assumptions_of(
    rules: Sequence[Rule],
    walkers: Sequence[Walker],
    pack: RulePack | None,
    ground: Ground,
    access: NDArray[np.object_],
) -> dict[str, Any]:
    """Return the pack, the walkers and how the ground was laid, as plain JSON values."""
    counts = Counter(access.tolist())
    told = {walker.name: walker for walker in walkers}
    return _pack_words(pack) | {
        "sources": list(dict.fromkeys(rule.source for rule in rules)),
        "unverified_rules": sum(not rule.verified for rule in rules),
        "walkers": {
            name: {"zh": w.zh, "en": w.en, "speed_m_s": w.speed_m_s, "source": w.source}
            for name, w in told.items()
        },
        "at": ground.at,
        "origin": "building" if (ground.origins.building >= 0).any() else "gate",
        "network_stamp": stamp_of(ground.network),
        "access": {word: counts[word] for word in STARTS},
    }


def stamp_of(network: WalkNetwork) -> str:
    """Return a short hash of the streets as walked: equal stamps mean equal distances."""
    digest = hashlib.sha256()
    for array in (np.rint(network.xy * 1000).astype("<i8"), network.links, network.length_cm):
        digest.update(np.ascontiguousarray(array).tobytes())
    if network.cost_cm is not None:
        digest.update(np.ascontiguousarray(network.cost_cm).tobytes())
    return digest.hexdigest()[:12]


def _pack_words(pack: RulePack | None) -> dict[str, Any]:
    if pack is None:
        return {"rule_pack": None}
    return {
        "rule_pack": pack.name,
        "rule_pack_zh": pack.zh,
        "rule_pack_en": pack.en,
        "rule_pack_date": pack.date,
        "rule_pack_source": pack.source,
        "rule_pack_note": pack.note,
        "rule_pack_note_en": pack.note_en,
        "not_tested": [asdict(line) for line in pack.not_tested],
    }
