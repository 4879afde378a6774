"""EASE (Steck 2019) in closed form: B = I - P / diag(P), P = inverse of (X'X + lambda I).

  ease.py --data DIR [--lambda 500]
"""
import argparse
import time

import numpy as np
from scipy.linalg import lapack

from protocol import Split, evaluate, report


def fit(x, lam):
    """The weight matrix, in f32, through Cholesky (potrf, potri): half the work of a general inverse."""
    gram = (x.T @ x).toarray()  # f32, as x is: the one dense matrix
    gram[np.diag_indices_from(gram)] += lam
    factor, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1)
    if failed:
        raise SystemExit(f"the Gram matrix is not positive definite at pivot {failed}: raise --lambda")
    p, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    for start in range(0, len(p), 1024):  # potri fills the lower triangle: mirror it by blocks
        end = min(len(p), start + 1024)
        block = p[start:end, start:end]
        block[:] = np.tril(block) + np.tril(block, -1).T
        p[start:end, end:] = p[end:, start:end].T
    b = p.T  # symmetric: the same values in row order, which a sparse product wants
    b /= -b.diagonal().copy()
    np.fill_diagonal(b, 0.0)
    return b


options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--data", required=True)
options.add_argument("--lambda", type=float, default=500.0, dest="lam")
options = options.parse_args()
data = Split(options.data)
start = time.perf_counter()
weights = fit(data.train, options.lam)
seconds = time.perf_counter() - start
report(model="ease", lam=options.lam, fit_s=round(seconds, 3), test=evaluate(lambda x: x @ weights, data.test, data.strong))
