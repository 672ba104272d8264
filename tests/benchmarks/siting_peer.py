"""One model of spopt by itself: python siting_peer.py METHOD CASE.npz ANSWER.npz.

The case holds cost (n, m) with inf where there is no way, demand (n,), limit and count; the answer
the sites chosen, the objective, and seconds of the clock and of processors (busy), from the matrix
to the answer. spopt, with the solver that PuLP brings, is measured beside this project and is no
part of it.
"""

import os
import sys
import time

import numpy as np


def spopt_lscp(case):
    from spopt.locate import LSCP

    return LSCP.from_cost_matrix(_far(case), float(case["limit"]))


def spopt_mclp(case):
    from spopt.locate import MCLP

    return MCLP.from_cost_matrix(
        _far(case), case["demand"], float(case["limit"]), p_facilities=int(case["count"])
    )


def spopt_p_median(case):
    from spopt.locate import PMedian

    return PMedian.from_cost_matrix(_far(case), case["demand"], p_facilities=int(case["count"]))


def spopt_p_center(case):
    from spopt.locate import PCenter

    return PCenter.from_cost_matrix(_far(case), p_facilities=int(case["count"]))


def _far(case):
    """Costs without inf, which its models cannot take."""
    return np.where(np.isfinite(case["cost"]), case["cost"], 1e9)


def _busy():
    """Seconds of processors, those of the solver, a process of its own, too."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


if __name__ == "__main__":
    method, case_file, answer_file = sys.argv[1:]
    import pulp
    import spopt.locate  # noqa: F401 (its import is not what is measured)

    asked = dict(np.load(case_file))
    start, before = time.perf_counter(), _busy()
    found = globals()[method](asked).solve(pulp.PULP_CBC_CMD(msg=False))
    seconds, busy = time.perf_counter() - start, _busy() - before
    chosen = [j for j, variable in enumerate(found.fac_vars) if (variable.value() or 0) > 0.5]
    objective = float(found.problem.objective.value())
    np.savez(answer_file, chosen=chosen, objective=objective, seconds=seconds, busy=busy)
