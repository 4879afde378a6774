"""ELSA (Vančura et al. 2022) on the CPU, trained to quality; reports seconds an epoch, validation excluded.

  elsa.py --data DIR [--dimensions 256] [--batch 512] [--epochs 20] [--learning-rate 0.1]
"""
import argparse
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

from protocol import Split, evaluate, report

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--data", required=True)
p.add_argument("--dimensions", type=int, default=256)
p.add_argument("--batch", type=int, default=512)
p.add_argument("--epochs", type=int, default=20)
p.add_argument("--learning-rate", type=float, default=0.1)
p.add_argument("--seed", type=int, default=1)
a = p.parse_args()

torch.manual_seed(a.seed)
order = np.random.default_rng(a.seed)
data = Split(a.data)
x = data.train[np.diff(data.train.indptr) > 0]
table = torch.nn.Parameter(torch.nn.init.xavier_uniform_(torch.empty(len(data.items), a.dimensions)))
nadam = torch.optim.NAdam([table], lr=a.learning_rate)


def train_step(rows):
    vectors = F.normalize(table, dim=1)
    target = torch.from_numpy(rows.toarray())
    predicted = target @ vectors @ vectors.T - target
    # The mean over users and items, as in the authors' code: with NAdam the scale of a loss is of no consequence.
    loss = F.mse_loss(F.normalize(predicted, dim=1), F.normalize(target, dim=1))
    nadam.zero_grad(set_to_none=True)
    loss.backward()
    nadam.step()


@torch.inference_mode()
def score(rows):
    vectors = F.normalize(table, dim=1)
    return (torch.from_numpy(rows.toarray()) @ vectors @ vectors.T).numpy()


seconds, best, best_epoch, test = [], -1.0, 0, None
for epoch in range(1, a.epochs + 1):
    start = time.perf_counter()
    users = order.permutation(x.shape[0])
    for first in range(0, len(users), a.batch):
        train_step(x[users[first:first + a.batch]])
    seconds.append(time.perf_counter() - start)
    found = evaluate(score, data.valid, strong=True)["ndcg@100"]
    print(f"epoch {epoch} {seconds[-1]:.2f} s validation ndcg@100 {found:.5f}", file=sys.stderr, flush=True)
    if found > best:
        best, best_epoch, test = found, epoch, evaluate(score, data.test, strong=True)
report(model="elsa", dimensions=a.dimensions, batch=a.batch, epochs=a.epochs, best_epoch=best_epoch,
       epoch_s=round(float(np.median(seconds)), 4), min_epoch_s=round(min(seconds), 4), validation={"ndcg@100": best}, test=test)
