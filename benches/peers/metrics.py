"""Every metric of `foldin evaluate`, from lists and files, with pandas and numpy.

  metrics.py --train FILE [FILE] --fold-in FILE --target FILE --k 5 20 100 [--lists FILE]

The lists are those of a file of recommendations (user_id, rank, item_id), one for each user who is wanted; without one
they are popularity's: the items of the training files by falling number of users, ties by id, without those folded in.
"""
import argparse

import numpy as np
import pandas as pd

from protocol import report

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--train", nargs="+", required=True)
p.add_argument("--fold-in", required=True)
p.add_argument("--target", required=True)
p.add_argument("--k", nargs="+", type=int, required=True)
p.add_argument("--lists")
a = p.parse_args()


def pairs(*files):
    return pd.concat(pd.read_parquet(f, columns=["user_id", "item_id"]) for f in files).drop_duplicates()


train, fold_in, target = pairs(*a.train), pairs(a.fold_in), pairs(a.target)
fans = train.groupby("item_id").size()  # sorted by id
target = target[target.item_id.isin(fans.index)]
target = target.merge(fold_in, how="left", indicator=True).query("_merge == 'left_only'").drop(columns="_merge")
wanted = target.groupby("user_id").item_id.agg(set)
wanted = wanted[wanted.index.isin(fold_in.user_id.unique())]

if a.lists:
    lists = pd.read_parquet(a.lists, columns=["user_id", "rank", "item_id"]).sort_values(["user_id", "rank"])
    lists = lists.groupby("user_id").item_id.agg(list)
else:
    order = fans.sort_values(ascending=False, kind="stable").index.to_list()
    has = fold_in.groupby("user_id").item_id.agg(set)
    lists = pd.Series({user: [item for item in order if item not in has[user]][:max(a.k)] for user in wanted.index})

share = (fans / train.user_id.nunique()).to_dict()
means = {}
for k in a.k:
    rows, shown = [], pd.Series(0, index=fans.index)
    for user, want in wanted.items():
        listed = lists[user][:k]
        hit = np.zeros(k)
        hit[:len(listed)] = [item in want for item in listed]
        best = min(k, len(want))
        discount = 1 / np.log2(np.arange(2, k + 2))
        precisions = hit.cumsum() / np.arange(1, k + 1)
        shown[listed] += 1
        rows.append({
            "recall": hit.sum() / len(want),
            "capped_recall": hit.sum() / best,
            "precision": hit.mean(),
            "ndcg": (hit * discount).sum() / discount[:best].sum(),
            "mrr": max((1 / (place + 1) for place in np.flatnonzero(hit)), default=0.0),
            "map": (precisions * hit).sum() / best,
            "hit_rate": float(hit.any()),
            "popularity": np.mean([share[item] for item in listed]),
            "novelty": -np.mean(np.log2([share[item] for item in listed])),
        })
    values = pd.DataFrame(rows).mean().to_dict()
    counts = np.sort(shown.to_numpy(float))
    values["coverage"] = (counts > 0).mean()
    # One minus twice the area under the Lorenz curve.
    lorenz = np.concatenate([[0], counts.cumsum() / counts.sum()])
    values["gini"] = 1 - ((lorenz[1:] + lorenz[:-1]) / len(counts)).sum()
    means |= {f"{name}@{k}": float(value) for name, value in values.items()}
report(metrics=means, users=len(wanted))
