"""Fold-in and top-N of a Mult-VAE in process (random weights do: the cost is the same).

  serve.py --data DIR [--n 100] [--batch 1 64] [--input dense]
"""
import argparse
import time

import numpy as np
import torch

from multvae_net import Net, as_input
from protocol import Split, report

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--data", required=True)
p.add_argument("--n", type=int, default=100)
p.add_argument("--batch", type=int, nargs="+", default=[1, 64])
p.add_argument("--repeats", type=int, default=300)
p.add_argument("--input", default="bag", choices=["bag", "dense"])
a = p.parse_args()

data = Split(a.data)
bag, rows = a.input == "bag", data.train
net = Net(len(data.items), vae=True, hidden=600, bag=bag).eval()
WARM_UP = 5


@torch.inference_mode()
def recommend(x):
    scores, _ = net(as_input(x, bag))
    seen = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr)), x.indices.astype(np.int64)
    scores[tuple(torch.from_numpy(part) for part in seen)] = -torch.inf
    return torch.topk(scores, a.n, dim=1)


found = {}
for batch in a.batch:
    seconds = []
    for r in range(WARM_UP + max(20, a.repeats // batch)):
        start = (r * batch) % (rows.shape[0] - batch)
        x = rows[start:start + batch]
        begin = time.perf_counter()
        recommend(x)
        seconds.append(time.perf_counter() - begin)
    micros = np.array(seconds[WARM_UP:]) * 1e6
    found[f"batch_{batch}"] = {"p50_us": round(float(np.median(micros)), 1), "p99_us": round(float(np.quantile(micros, .99)), 1),
                               "min_us": round(float(micros.min()), 1)}
report(model="mult-vae", input=a.input, items=len(data.items), n=a.n, **found)
