"""Evaluates a published Mult-DAE under weak generalisation as one would with numpy, and times it.

  evaluate.py --model DIR --data DIR [--metrics recall@20 ndcg@20 ndcg@100] [--batch 500] [--rounds 1]

The weights are those of a model directory of ours, so both sides rank by the same numbers. A block of users is folded
in by a sparse product, scored by a dense one against all items, what a user has is masked, `argpartition` finds the
top, and the metrics are computed for the whole block at once.
"""
import argparse
import json
import struct
import time
from pathlib import Path

import numpy as np

from protocol import Split, report


def tensors(path):
    """A safetensors file as {name: array}."""
    raw = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header, start = json.loads(raw[8:8 + length]), 8 + length
    return {name: np.frombuffer(raw, np.float32, offset=start + entry["data_offsets"][0],
                                count=int(np.prod(entry["shape"]))).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def evaluate(weights, fold_in, target, metrics, batch):
    """Means over the users with a target: {metric: mean}, and how many there are."""
    w_in, b_in = weights["input.items"], weights["input.bias"]
    w_out, b_out = np.ascontiguousarray(weights["output.items"].T), weights["output.bias"]
    depth = max(k for _, k in metrics)
    discount = 1.0 / np.log2(np.arange(2, depth + 2))
    ideal = np.cumsum(discount)
    users = np.flatnonzero(np.diff(target.indptr) > 0)
    sums = {metric: 0.0 for metric in metrics}
    for start in range(0, len(users), batch):
        block = users[start:start + batch]
        x, t = fold_in[block], target[block]
        unit = x.copy()
        unit.data /= np.repeat(np.sqrt(np.maximum(np.diff(x.indptr), 1)), np.diff(x.indptr)).astype(np.float32)
        scores = np.tanh(unit @ w_in + b_in) @ w_out
        scores += b_out
        scores[np.repeat(np.arange(len(block)), np.diff(x.indptr)), x.indices] = -np.inf
        top = np.argpartition(scores, -depth, axis=1)[:, -depth:]
        best = np.argsort(-np.take_along_axis(scores, top, 1), axis=1, kind="stable")
        top = np.take_along_axis(top, best, 1)
        hit = np.asarray(t[np.arange(len(block))[:, None], top].todense()) > 0
        wanted = np.diff(t.indptr)
        for name, k in metrics:
            if name == "recall":
                values = hit[:, :k].sum(1) / wanted
            elif name == "ndcg":
                values = (hit[:, :k] * discount[:k]).sum(1) / ideal[np.minimum(k, wanted) - 1]
            else:
                raise SystemExit(f"no metric {name}")
            sums[name, k] += float(values.sum())
    return {f"{name}@{k}": total / len(users) for (name, k), total in sums.items()}, len(users)


p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--model", required=True, type=Path)
p.add_argument("--data", required=True)
p.add_argument("--metrics", nargs="+", default=["recall@20", "ndcg@20", "ndcg@100"])
p.add_argument("--batch", type=int, default=500)
a = p.parse_args()

data = Split(a.data)
weights = tensors(a.model / "weights.safetensors")
metrics = [(name, int(k)) for name, k in (metric.split("@") for metric in a.metrics)]
fold_in, target = data.test
evaluate(weights, fold_in[:a.batch], target[:a.batch], metrics, a.batch)  # threads and pages are warm
begin = time.perf_counter()
means, users = evaluate(weights, fold_in, target, metrics, a.batch)
report(seconds=round(time.perf_counter() - begin, 3), users=users, metrics=means)
