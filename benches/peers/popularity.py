"""Popularity: the number of training users of each item is its score for everyone.

  popularity.py --data DIR
"""
import argparse

import numpy as np

from protocol import Split, evaluate, report

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--data", required=True)
data = Split(options.parse_args().data)
counts = data.train.getnnz(axis=0)
report(model="popularity", test=evaluate(lambda x: np.tile(counts, (x.shape[0], 1)), data.test, data.strong))
