"""Trains Mult-VAE or Mult-DAE on the CPU: to quality, or a few steps for their time.

  multvae.py --data DIR [--model dae] --batch 100 --epochs 150 --validate-every 5 --patience 6 --seed 1
  multvae.py --data DIR --batch 500 --steps 12 [--input dense] [--target gather]
"""
import argparse
import itertools
import sys
import time

import numpy as np
import torch

from multvae_net import Net, as_input, as_target, multinomial_loss
from protocol import Split, evaluate, report

WARM_UP = 3  # the first steps pay for memory that later ones reuse

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--data", required=True)
p.add_argument("--model", default="vae", choices=["vae", "dae"])
p.add_argument("--hidden", type=int, help="600 for vae, 200 for dae")
p.add_argument("--batch", type=int, default=100)
p.add_argument("--epochs", type=int, default=150)
p.add_argument("--steps", type=int, help="time this many steps instead of training to quality")
p.add_argument("--learning-rate", type=float, default=1e-3)
p.add_argument("--final-rate", type=float, default=1.0, help="share of the learning rate left at the end; 1: constant")
p.add_argument("--kl-cap", type=float, default=0.2)
p.add_argument("--kl-anneal", type=float, default=0.65, help="fraction of the planned steps until the cap")
p.add_argument("--validate-every", type=int, default=5, help="epochs")
p.add_argument("--patience", type=int, default=6, help="validations without improvement before training stops")
p.add_argument("--input", default="bag", choices=["bag", "dense"])
p.add_argument("--target", default="dense", choices=["dense", "gather"])
p.add_argument("--no-fused", action="store_true", help="Adam without its fused kernel")
p.add_argument("--seed", type=int, default=1)
a = p.parse_args()

torch.manual_seed(a.seed)
order = np.random.default_rng(a.seed)
data = Split(a.data)
x, vae, bag = data.train[np.diff(data.train.indptr) > 0], a.model == "vae", a.input == "bag"
net = Net(len(data.items), vae, a.hidden or (600 if vae else 200), bag=bag)
adam = torch.optim.Adam(net.parameters(), lr=a.learning_rate, fused=not a.no_fused)
planned = a.epochs * -(-x.shape[0] // a.batch)
facts = dict(model=f"mult-{a.model}", input=a.input, target=a.target, fused=not a.no_fused, batch=a.batch)


def train_step(rows, done):
    beta = min(a.kl_cap, a.kl_cap * done / (a.kl_anneal * planned)) if vae else 0.0
    adam.param_groups[0]["lr"] = a.learning_rate * (1 - (1 - a.final_rate) * done / planned)
    adam.zero_grad(set_to_none=True)
    target = as_target(rows, a.target == "gather")
    logits, kl = net(as_input(rows, bag))
    loss = multinomial_loss(logits, target) + beta * kl
    loss.backward()
    adam.step()
    return loss.item()


def batches():
    users = order.permutation(x.shape[0])
    return (x[users[start:start + a.batch]] for start in range(0, len(users), a.batch))


@torch.inference_mode()
def score(rows):
    net.eval()
    return net(as_input(rows, bag))[0].numpy()


def time_steps():
    marks = []
    epochs = itertools.chain.from_iterable(batches() for _ in itertools.count())
    for done, rows in enumerate(itertools.islice(epochs, WARM_UP + a.steps)):
        train_step(rows, done)
        marks.append((time.perf_counter(), time.process_time()))
    wall, cpu = np.diff(np.array(marks[WARM_UP - 1:]), axis=0).T * 1e3
    report(**facts, steps=len(wall), median_ms=round(float(np.median(wall)), 2), min_ms=round(float(wall.min()), 2),
           cpu_median_ms=round(float(np.median(cpu)), 2))


def train_to_quality():
    best, best_epoch, best_weights, done, seconds, trajectory = -1.0, 0, None, 0, 0.0, []
    for epoch in range(1, a.epochs + 1):
        net.train()
        start, loss = time.perf_counter(), []
        for rows in batches():
            loss.append(train_step(rows, done))
            done += 1
        seconds += time.perf_counter() - start
        if epoch % a.validate_every and epoch != a.epochs:
            continue
        found = evaluate(score, data.valid, strong=True)["ndcg@100"]
        trajectory.append({"epoch": epoch, "train_s": round(seconds, 4), "ndcg@100": found})
        print(f"epoch {epoch} loss {np.mean(loss):.2f} validation ndcg@100 {found:.5f}", file=sys.stderr, flush=True)
        if found > best:
            best, best_epoch = found, epoch
            best_weights = {name: value.clone() for name, value in net.state_dict().items()}
        elif epoch - best_epoch >= a.patience * a.validate_every:
            break
    net.load_state_dict(best_weights)
    report(**facts, seed=a.seed, epochs=epoch, best_epoch=best_epoch, train_s=round(seconds, 1),
           trajectory=trajectory, validation={"ndcg@100": best}, test=evaluate(score, data.test, strong=True))


if a.steps:
    time_steps()
elif data.strong:
    train_to_quality()
else:
    sys.exit(f"{a.data}: training to quality needs the validation files of a strong-generalisation split")
