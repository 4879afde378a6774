"""What the figures of quality share. A row of the table: a saved configuration is fitted on all of train, then measured beside others.
A table of models: each is trained in a process of its own, then all are measured on the same users.

quality/NAME.toml holds the configuration of a row, and in its comments the search on a part of train that chose it. It is
what `foldin train --config` takes: the sections [model] and [training]; or, for a blend, those sections for each of its
parts, [[part]], with its weight.
"""
import json
import tomllib
from pathlib import Path

import figure

CONFIGURATIONS = Path(__file__).resolve().parent / "quality"


def row(name, metrics, beside):
    """Fits a saved configuration on the dataset of its name, and compares it with the presets and files `beside`.

    Returns the answer of `foldin compare`, in which the model is called as the row, with `fit` added: the seconds of
    training and the peak memory of the largest process on the way to the published model.
    """
    folder = figure.data(name)
    with figure.scratch() as scratch:
        model = Path(scratch) / name
        fit = fitted(tomllib.loads(saved(name).read_text()), folder, model)
        others = [argument for other in beside for argument in ("--with", other)]
        answer = figure.foldin("compare", model, *others, *test_files(folder), "--metrics", ",".join(metrics))
    return answer | {"fit": fit}


def saved(name):
    """The path of a saved configuration."""
    return CONFIGURATIONS / f"{name}.toml"


def fitted(configuration, folder, model):
    """Trains a configuration, part by part where it is a blend, into the directory `model`: seconds and peak memory."""
    parts = configuration.get("part")
    if not parts:
        return trained(configuration, folder, model)
    directories = [model.with_name(f"part-{number}") for number in range(len(parts))]
    fits = [trained(part, folder, directory) for part, directory in zip(parts, directories)]
    weights = ",".join(str(part["weight"]) for part in parts)
    _, peak = figure.with_peak([figure.binary(), "blend", *directories, "--weights", weights, "--out", model])
    return {"seconds": sum(fit["seconds"] for fit in fits), "peak_bytes": max(peak, *(fit["peak_bytes"] for fit in fits))}


def trained(configuration, folder, model):
    """Trains one model into the directory `model`: seconds and peak memory."""
    # In lower case, as TOML has true and false; so are all names.
    settings = [f"{section}.{key}={str(value).lower()}" for section in ("model", "training")
                for key, value in configuration.get(section, {}).items()]
    sets = [argument for setting in settings for argument in ("--set", setting)]
    printed, peak = figure.with_peak([
        figure.binary(), "--threads", figure.THREADS, "train", folder / "train.parquet", *validation_files(folder),
        *sets, "--out", model, "--json"])
    return {"seconds": json.loads(printed)["manifest"]["summary"]["seconds"], "peak_bytes": peak}


def validation_files(folder):
    """The flags for the validation files of a dataset that has some, for iterative models to stop on."""
    if not (folder / "valid_in.parquet").exists():
        return ()
    return "--validation-fold-in", folder / "valid_in.parquet", "--validation-target", folder / "valid_out.parquet"


def test_files(folder):
    """The flags for the test files of a dataset, by its protocol."""
    if not (folder / "test_in.parquet").exists():
        return "--test", folder / "test.parquet"
    return "--fold-in", folder / "test_in.parquet", "--target", folder / "test_out.parquet", *validation_files(folder)


def found(answer, name):
    """One model of an answer."""
    return next(model for model in answer["models"] if model["model"] == name)


def difference(answer, other, metric):
    """The paired difference of the row's model to another one, with its 95 % interval."""
    return next(pair["metrics"][metric] for pair in answer["differences"] if pair["baseline"] == other)


def values(answer, name, metrics):
    """Means of a model, as text."""
    return ", ".join(f"{found(answer, name)['metrics'][metric]:.4f}" for metric in metrics)


def breadth(answer, name, metric):
    """Coverage and Gini of the lists of a model, and a metric of the targets in the long tail, as text."""
    model, cutoff = found(answer, name), metric.split("@")[1]
    tail = next(bucket["metrics"][metric] for bucket in model["by_item_popularity"] if bucket["bucket"] == "tail")
    return f"coverage {model['metrics'][f'coverage@{cutoff}']:.3f}, Gini {model['metrics'][f'gini@{cutoff}']:.3f}, tail {tail:.4f}"


def costs(answer, name, metric, others):
    """Seconds, peak memory and breadth, for information: a check that always passes."""
    fit = answer["fit"]
    measured = f"{fit['seconds']:.1f} s, {fit['peak_bytes'] / 1e9:.2f} GB; {breadth(answer, name, metric)}"
    beside = [f"{other} {breadth(answer, other, metric)}" for other in others]
    return figure.check("fit, peak memory, breadth", measured, "; ".join(beside), True)


def weak(name, least, beside):
    """A row of weak generalisation: one configuration that reaches every value of `least` ({metric: mean}), as checks."""
    answer = row(name, least, [beside])
    checks = [figure.check(f"{metric} ≥ {mean:.4f}", values(answer, name, [metric]), f"{beside} {values(answer, beside, [metric])}",
                           found(answer, name)["metrics"][metric] >= mean) for metric, mean in least.items()]
    return [*checks, costs(answer, name, next(iter(least)), [beside])]


def strong(name, metric, others):
    """A row of strong generalisation: above each of `others`, and the paired 95 % interval excludes zero, as checks."""
    names = [Path(other).stem for other in others]
    answer = row(name, [metric], others)
    checks = []
    for other in names:
        above = difference(answer, other, metric)
        told = f"{values(answer, name, [metric])}, {above['mean']:+.4f} [{above['low']:+.4f}, {above['high']:+.4f}]"
        checks.append(figure.check(f"{metric} above {other}", told, values(answer, other, [metric]), above["low"] > 0))
    return [*checks, costs(answer, name, metric, names)]


def table(folder, models, metrics):
    """Trains `models` ({preset: what differs from it, by section}) and measures them on the test files, as checks.

    A line a model, for information: its metrics, seconds and peak memory of training, breadth, and the time of a list on one
    thread. What does not beat popularity is said to.
    """
    with figure.scratch() as scratch:
        directories = {name: Path(scratch) / name for name in models}
        fits = {name: trained(changes | {"model": {"kind": name} | changes.get("model", {})}, folder, directories[name])
                for name, changes in models.items()}
        answer = figure.foldin("compare", *directories.values(), *test_files(folder), "--metrics", ",".join(metrics))
    floor, checks = found(answer, "popularity")["metrics"], []
    for name, fit in fits.items():
        model = found(answer, name)
        measured = (f"{values(answer, name, metrics)}; {fit['seconds']:.1f} s, {fit['peak_bytes'] / 1e9:.2f} GB; "
                    f"{breadth(answer, name, metrics[0])}; a list {model['user_ms']:.2f} ms")
        below = [metric for metric in metrics if model["metrics"][metric] < floor[metric]]
        note = f" (worse than popularity: {', '.join(below)})" if below else ""
        checks.append(figure.check(name + note, measured, "popularity " + values(answer, "popularity", metrics), True))
    return checks
