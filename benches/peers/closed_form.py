"""The two halves of a closed-form fit: the Gram matrix by scipy, the inverse by LAPACK (OpenBLAS).

  closed_form.py gram --data DIR
  closed_form.py inverse --data DIR [--items 10000]
"""
import argparse
import time

import numpy as np
from scipy.linalg import lapack

from protocol import Split, report

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("part", choices=["gram", "inverse"])
p.add_argument("--data", required=True)
p.add_argument("--items", type=int, help="invert the matrix of that many items only")
a = p.parse_args()

x = Split(a.data).train
start = time.perf_counter()
gram = (x.T @ x).toarray()
seconds = time.perf_counter() - start
if a.part == "inverse":
    n = a.items or len(gram)
    gram = np.asfortranarray(gram[:n, :n].T)  # symmetric: all of it stays where it is
    gram[np.diag_indices(n)] += 500
    start = time.perf_counter()
    factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
    inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    seconds = time.perf_counter() - start
    assert not failed
report(part=a.part, items=len(gram), interactions=x.nnz, seconds=round(seconds, 3))
