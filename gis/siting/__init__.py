"""Where to put what is missing: models of location with a proof, from arrays.

`locate` chooses sites for one service; its answers are checked by `gis.siting.check`, which shares
nothing with the solvers.
"""

from gis.siting.answer import Siting
from gis.siting.check import faults_of
from gis.siting.locate import locate

__all__ = ["Siting", "faults_of", "locate"]
