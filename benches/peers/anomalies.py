"""Held-out users and injected profiles for the figures of anomalies, and the judgement of what `foldin anomalies` wrote.

  anomalies.py users --data DIR --part NAME --out FILE          the users of a part (valid, test), whole, as a log
  anomalies.py folds --data DIR --out DIR --folds K --seed S    the users of valid and test, whole, in K parts by chance:
                                                                rest-k.parquet calibrates what test-k.parquet tests
  anomalies.py uniform --found FILE…                            distance of the p-values to the uniform distribution
  anomalies.py inject --data DIR --out DIR --filler F --seed S  normal test users, and profiles as long, a log an attack
  anomalies.py detect --data DIR --logs DIR --found DIR         ROC AUC of three detectors for each attack
"""
import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import kstest, rankdata

# What the literature on shilling knows (Mobasher et al. 2007, "Toward Trustworthy Recommender Systems"), for logs without
# ratings. A profile is one pushed item and fillers. Random: fillers of the catalogue, each as likely. Average: as likely as
# the item's mean in the 0/1 matrix, its share of users, so that the profile has every item as often as users have it.
# Bandwagon: the most popular items, a tenth (or half) of the profile, and random fillers.
ATTACKS = {"random": None, "average": None, "bandwagon": 0.1, "bandwagon-half": 0.5}
NEW_USERS = 1_000_000  # ids that no user of the dataset has
NORMAL = 50  # normal users next to the size of a profile, each with a profile of exactly its length


def histories(*files):
    """{user: sorted items} over some files."""
    users, items = (np.concatenate(columns) for columns in zip(*(pairs(file) for file in files)))
    order = np.lexsort((items, users))
    users, items = users[order], items[order]
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
    return dict(zip(users[starts].tolist(), np.split(items, starts[1:])))


def pairs(file):
    table = pq.read_table(file, columns=["user_id", "item_id"])
    return table["user_id"].to_numpy(), table["item_id"].to_numpy()


def held_out(data, part):
    return histories(data / f"{part}_in.parquet", data / f"{part}_out.parquet")


def write(file, users):
    """A log of {user: items}."""
    columns = {"user_id": np.repeat(list(users), [len(items) for items in users.values()]), "item_id": np.concatenate(list(users.values()))}
    pq.write_table(pa.table(columns), file)


def users(options):
    found = held_out(options.data, options.part)
    write(options.out, found)
    return {"users": len(found)}


def folds(options):
    users = held_out(options.data, "valid") | held_out(options.data, "test")
    order = np.random.default_rng(options.seed).permutation(sorted(users))
    for fold in range(options.folds):
        tested = set(order[fold::options.folds].tolist())
        write(options.out / f"test-{fold}.parquet", {user: users[user] for user in sorted(tested)})
        write(options.out / f"rest-{fold}.parquet", {user: users[user] for user in sorted(users) if user not in tested})
    return {"users": len(users)}


def uniform(options):
    tables = [pq.read_table(file, columns=["history_items", "p_value"]) for file in options.found]
    lengths, p_values = (np.concatenate([table[name].to_numpy() for table in tables]) for name in ("history_items", "p_value"))
    quartile = np.searchsorted(np.quantile(lengths, [0.25, 0.5, 0.75]), lengths)
    return {"users": len(p_values), "all": kstest(p_values, "uniform").statistic,
            "quartiles": [kstest(p_values[quartile == q], "uniform").statistic for q in range(4)],
            "users_of_quartiles": [int((quartile == q).sum()) for q in range(4)]}


def popularity(data):
    """Items in ascending order, and how many training users each has."""
    return np.unique(pairs(data / "train.parquet")[1], return_counts=True)


def inject(options):
    items, counts = popularity(options.data)
    random = np.random.default_rng(options.seed)
    normal = held_out(options.data, "test")
    size = options.filler * len(items)
    nearest = sorted(normal, key=lambda user: (abs(np.log(len(normal[user]) / size)), user))[:NORMAL]
    write(options.out / "normal.parquet", {user: normal[user] for user in nearest})
    by_popularity = np.argsort(-counts, kind="stable")
    pushed = random.choice(by_popularity[len(items) // 2:])  # of the less popular half
    for attack, share in ATTACKS.items():
        profiles = {}
        for number, user in enumerate(nearest):
            length = len(normal[user])
            chosen = [pushed, *by_popularity[:int((share or 0) * length)]]
            weights = counts.astype(float) if attack == "average" else np.ones(len(items))
            weights[chosen] = 0
            fillers = random.choice(len(items), length - len(chosen), replace=False, p=weights / weights.sum())
            profiles[NEW_USERS + number] = np.sort(items[np.r_[chosen, fillers].astype(int)])
        write(options.out / f"{attack}.parquet", profiles)
    lengths = [len(normal[user]) for user in nearest]
    return {"lengths": [min(lengths), int(np.median(lengths)), max(lengths)]}


def auc(normal, odd):
    """Probability that an odd value is above a normal one, equals counted half."""
    ranks = rankdata(np.r_[normal, odd])[len(normal):]
    return (ranks.sum() - len(odd) * (len(odd) + 1) / 2) / (len(normal) * len(odd))


def detect(options):
    items, counts = popularity(options.data)
    commonness = dict(zip(items.tolist(), np.log(counts).tolist()))

    def detectors(name):
        found = pq.read_table(options.found / f"{name}.parquet").to_pydict()
        logged = histories(options.logs / f"{name}.parquet")
        # A user whose items the model does not know was left out; there is none here.
        assert found["user_id"] == sorted(logged)
        return {"model": -np.array(found["p_value"]), "length": np.array([len(logged[user]) for user in found["user_id"]]),
                "popularity": -np.array([np.mean([commonness[i] for i in logged[user].tolist()]) for user in found["user_id"]])}

    normal = detectors("normal")
    return {attack: {name: auc(normal[name], odd) for name, odd in detectors(attack).items()} for attack in ATTACKS}


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", choices=["users", "folds", "uniform", "inject", "detect"])
for flag in ("--data", "--out", "--logs"):
    parser.add_argument(flag, type=Path)
parser.add_argument("--part")
parser.add_argument("--found", type=Path, nargs="+")
parser.add_argument("--folds", type=int)
parser.add_argument("--filler", type=float)
parser.add_argument("--seed", type=int)
options = parser.parse_args()
if options.what == "detect":
    options.found = options.found[0]
print(json.dumps(globals()[options.what](options)))
