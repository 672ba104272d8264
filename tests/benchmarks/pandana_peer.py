"""Coverage with pandana, run by itself: python pandana_peer.py CASE.npz ANSWER.npz.

pandana is under the AGPL, so it is measured beside this project and never a part of it.
"""

import sys
import time

import numpy as np
import pandana
import pandas as pd


def main(case: str, answer: str) -> None:
    """Read xy, links, length_m, limit_m and s0, s1, ...; write metres and seconds."""
    given = np.load(case)
    xy, links, limit_m = given["xy"], given["links"], float(given["limit_m"])
    sources = [given[f"s{k}"] for k in range(sum(name.startswith("s") for name in given))]
    start = time.perf_counter()
    network = pandana.Network(
        pd.Series(xy[:, 0]),
        pd.Series(xy[:, 1]),
        pd.Series(links[:, 0]),
        pd.Series(links[:, 1]),
        pd.DataFrame({"m": given["length_m"]}),
        twoway=True,
    )
    built = time.perf_counter()
    metres = []
    for k, starts in enumerate(sources):
        places = xy[starts]
        network.set_pois(f"c{k}", limit_m, 1, pd.Series(places[:, 0]), pd.Series(places[:, 1]))
        # Beyond the limit it answers with a number of ours.
        near = network.nearest_pois(limit_m, f"c{k}", num_pois=1, max_distance=-1.0)
        metres.append(near[1].to_numpy())
    asked = time.perf_counter()
    np.savez(
        answer,
        metres=np.array(metres, dtype=np.float64),
        built_s=built - start,
        asked_s=asked - built,
        version=pandana.__version__,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
