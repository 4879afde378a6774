"""GF-CF (Shen et al. 2021): two hops on the normalised user-item graph and alpha times its ideal low-pass.

  gf_cf.py --data DIR [--rank 256] [--alpha 0.3]

The singular vectors are ARPACK's, as of scipy. Beside the whole, the low-pass alone is measured.
"""
import argparse
import time

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from protocol import Split, evaluate, report


def inverse_roots(degrees):
    return np.divide(1, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)


options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--data", required=True)
options.add_argument("--rank", type=int, default=256)
options.add_argument("--alpha", type=float, default=0.3)
options = options.parse_args()
data = Split(options.data)
start = time.perf_counter()
users, items = (np.asarray(data.train.sum(axis)).ravel().astype(np.float64) for axis in (1, 0))
graph = (sp.diags(inverse_roots(users)) @ data.train @ sp.diags(inverse_roots(items))).tocsr().astype(np.float32)
_, _, v = svds(graph, k=options.rank, random_state=1)
seconds = time.perf_counter() - start
into = sp.diags(inverse_roots(items).astype(np.float32)) @ v.T
out = v * np.sqrt(items).astype(np.float32)


def low_pass(x):
    return (x @ into) @ out


def gf_cf(x):
    return (x @ graph.T @ graph).toarray() + np.float32(options.alpha) * low_pass(x)


report(model="gf-cf", rank=options.rank, alpha=options.alpha, fit_s=round(seconds, 3),
       low_pass=evaluate(low_pass, data.test, data.strong), test=evaluate(gf_cf, data.test, data.strong))
