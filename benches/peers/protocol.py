"""Loading, metrics and the one-line report that all peers share.

A data folder holds either
  strong generalisation: train, valid_in, valid_out, test_in, test_out (.parquet), users disjoint
  weak generalisation:   train, test (.parquet), the same users
each with integer columns user_id and item_id. The protocol follows from the files.

Threads: numpy and torch both read OMP_NUM_THREADS, so it is set by the caller, not by an option.
"""
import json
import os
import resource
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp


class Split:
    """train (users x items CSR of ones) and (fold-in, target) pairs for the parts `valid` and `test`."""

    def __init__(self, folder):
        folder = Path(folder)
        self.strong = (folder / "test_in.parquet").exists()
        users, items = _pairs(folder / "train.parquet")
        if self.strong:
            self.items = np.unique(items)
            self.train = self._matrix(np.unique(users), users, items)
            self.valid, self.test = (self._held_out(folder, part) for part in ("valid", "test"))
        else:
            test_users, test_items = _pairs(folder / "test.parquet")
            everyone = np.union1d(users, test_users)
            self.items = np.union1d(items, test_items)
            self.train = self._matrix(everyone, users, items)
            self.test = self.train, self._matrix(everyone, test_users, test_items)

    def _held_out(self, folder, part):
        (ui, ii), (uo, io) = _pairs(folder / f"{part}_in.parquet"), _pairs(folder / f"{part}_out.parquet")
        users = np.union1d(ui, uo)
        return self._matrix(users, ui, ii), self._matrix(users, uo, io)

    def _matrix(self, row_ids, users, items):
        """Items outside the vocabulary are left out: a model trained on `train` cannot know them."""
        known = np.isin(items, self.items)
        rows, cols = np.searchsorted(row_ids, users[known]), np.searchsorted(self.items, items[known])
        x = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, cols)), shape=(len(row_ids), len(self.items)))
        x.sum_duplicates()
        x.data[:] = 1.0
        return x


def _pairs(path):
    table = pq.read_table(path, columns=["user_id", "item_id"])
    return table["user_id"].to_numpy(), table["item_id"].to_numpy()


def evaluate(score, part, strong, batch=500):
    """Mean metrics over the users with a target; `score(CSR rows)` -> dense scores. Seen items never rank.

    strong (Liang et al. 2018): capped_recall@k = hits / min(k, |T|) at 20 and 50, ndcg@100
    weak (LightGCN, He et al. 2020): recall@20 = hits / |T|, ndcg@20
    NDCG: binary gain, ideal cut at min(k, |T|).
    """
    fold_in, target = part
    depth = 100 if strong else 20
    discount = 1.0 / np.log2(np.arange(2, depth + 2))
    ideal = np.cumsum(discount)
    has_target = np.flatnonzero(np.diff(target.indptr) > 0)
    found = {}
    for start in range(0, len(has_target), batch):
        users = has_target[start:start + batch]
        x, t = fold_in[users], target[users]
        scores = np.array(score(x), np.float32)
        scores[x.nonzero()] = -np.inf
        row = np.arange(len(users))[:, None]
        top = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        top = top[row, np.argsort(-scores[row, top], axis=1, kind="stable")]
        hit = t[row, top].toarray() > 0
        wanted = np.diff(t.indptr)
        if strong:
            for k in (20, 50):
                found.setdefault(f"capped_recall@{k}", []).append(hit[:, :k].sum(1) / np.minimum(k, wanted))
        else:
            found.setdefault("recall@20", []).append(hit.sum(1) / wanted)
        found.setdefault(f"ndcg@{depth}", []).append((hit * discount).sum(1) / ideal[np.minimum(depth, wanted) - 1])
    return {name: round(float(np.concatenate(values).mean()), 6) for name, values in found.items()}


def report(**result):
    """The result as one line of JSON, the last line of standard output."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result | {"threads": os.environ.get("OMP_NUM_THREADS", "all"), "peak_rss_mib": round(peak)}))
