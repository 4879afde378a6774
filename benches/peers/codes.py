"""Overlap@100 of item rankings by fewer bytes with the ranking by dense vectors.

  codes.py --vectors FOLDER --bytes N

FOLDER holds NumPy shards of `foldin export --format npy --what items`. Beside N bytes an item as single-precision principal
components and as eight-bit ones, each item's with a scale of 4 bytes, the whole vector in eight bits. A query is the dense
vector; every item is left out of its own list.
"""
import argparse
from pathlib import Path

import numpy as np

from protocol import report

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--vectors", required=True)
options.add_argument("--bytes", type=int, required=True)
options = options.parse_args()


def directions(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def eight_bits(vectors):
    scales = np.abs(vectors).max(axis=1, keepdims=True) / 127
    return np.round(np.divide(vectors, scales, out=np.zeros_like(vectors), where=scales > 0)) * scales


def lists(scores):
    scores[asked_rows, asked] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :100]


vectors = directions(np.concatenate([np.load(shard) for shard in sorted(Path(options.vectors).glob("*.npy"))]))
asked = np.arange(0, len(vectors), -(-len(vectors) // 1000))
asked_rows = np.arange(len(asked))
exact = lists(vectors[asked] @ vectors.T)
_, _, components = np.linalg.svd(vectors, full_matrices=False)


def overlap(narrow):
    found = lists(vectors[asked] @ directions(narrow).T)
    return float(np.mean([len(np.intersect1d(a, b)) / 100 for a, b in zip(exact, found)]))


def principal(count):
    return vectors @ components[:count].T, components[:count]


floats, axes = principal(options.bytes // 4)
bytes_, byte_axes = principal(min(options.bytes - 4, vectors.shape[1]))
report(pca=overlap(floats @ axes), pca_int8=overlap(eight_bits(bytes_) @ byte_axes), int8=overlap(eight_bits(vectors)))
