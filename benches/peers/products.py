"""The three products of the output layer by numpy (OpenBLAS), at the shapes of a training step.

  products.py [--items 10000] [--batch 500] [--hidden 600] [--rounds 15]
"""
import argparse
import time

import numpy as np

from protocol import report

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--items", type=int, default=10_000)
p.add_argument("--batch", type=int, default=500)
p.add_argument("--hidden", type=int, default=600)
p.add_argument("--rounds", type=int, default=15)
a = p.parse_args()

random = np.random.default_rng(1)
weights, hidden, delta = (random.random(shape, np.float32) - 0.5 for shape in
                          ((a.items, a.hidden), (a.batch, a.hidden), (a.batch, a.items)))
# Users and items are rows here and columns there: the same places in memory.
parts = {
    "decoder, logits": (hidden, weights.T),
    "decoder, gradient of its input": (delta, weights),
    "decoder, gradient of its weights": (delta.T, hidden),
}
out = {name: left @ right for name, (left, right) in parts.items()}
times = {name: [] for name in parts}
for _ in range(a.rounds):
    for name, (left, right) in parts.items():
        start = time.perf_counter()
        np.matmul(left, right, out=out[name])
        times[name].append(time.perf_counter() - start)
flops = 2 * a.items * a.batch * a.hidden
report(items=a.items, batch=a.batch, parts=[
    {"part": name, "median_ms": float(np.median(t)) * 1e3, "min_ms": min(t) * 1e3, "gflops": flops / float(np.median(t)) / 1e9}
    for name, t in times.items()])
