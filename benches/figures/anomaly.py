"""What the figures of anomalies share: models of ml-1m-strong, trained on its training users alone."""
import statistics
from pathlib import Path

import figure

DATASET = "ml-1m-strong"
MODELS = {"mult-vae": ["--epochs", 60], "ease": []}  # a network, and scores without a temperature
SEEDS = (1, 2, 3)


def trained(model, directory):
    """Trains a model; who validates it is held out of the training users, and of no other file."""
    figure.note(f"training {model}")
    figure.command([figure.binary(), "--threads", figure.THREADS, "train", figure.data(DATASET) / "train.parquet",
                    "--model", model, *MODELS[model], "--out", directory])
    return directory


def calibrated(model, log, directory):
    """The same model, calibrated with the users of a log: the answer of `foldin calibrate`."""
    return figure.foldin("calibrate", model, "--logs", log, "--out", directory, "--force")


def assessed(model, log, table):
    """The p-values of the users of a log, as a table: the answer of `foldin anomalies`."""
    return figure.foldin("anomalies", model, "--logs", log, "--out", table, "--force")


def mean(values):
    return statistics.fmean(values)


def in_scratch(measure):
    """Runs a measurement of every model in a folder that is gone after it: the checks of all, one after the other."""
    with figure.scratch() as scratch:
        return [check for model in MODELS for check in measure(model, trained(model, Path(scratch) / model), Path(scratch))]
