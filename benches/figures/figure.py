"""What the figure scripts share: running both sides, checking, and reporting one line.

A script defines `measure()`, which returns a list of checks, and ends with `figure.main(measure)`.
Alone it prints its line; with `--json` one JSON object (what `run` reads). Exit: 0 pass, 1 fail, 2 could not run.
Figures of the server know `--short`: seconds instead of minutes, on a small made-up log. That shows that they work, and
proves nothing.
"""
import concurrent.futures
import functools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benches" / "peers"
PEER_MEMORY = 20 * 2**30  # more than that a peer is not asked to take
THREADS = 2  # for both sides, where a figure does not say otherwise
SHORT = "--short" in sys.argv[1:]
SERVER_CORE, CLIENT_CORE = 0, 1  # where a figure pins server and client
EXIT = {"pass": 0, "fail": 1, "could not run": 2}


class CouldNotRun(Exception):
    """A figure has no result; the message says what to do."""


# --- where things are -------------------------------------------------------------------------

def _from_environment(variable, remedy):
    value = os.environ.get(variable)
    if not value:
        raise CouldNotRun(f"{variable} is not set: {remedy}")
    return value


def data(name, log="train.parquet"):
    """The folder of a dataset under FOLDIN_DATA; `log` is a file that has to be in it."""
    folder = Path(_from_environment("FOLDIN_DATA", "point it at the folder that holds the measuring datasets"))
    if not (folder / name / log).is_file():
        raise CouldNotRun(f"{folder / name} has no {log}: see benches/README.md for the datasets")
    return (folder / name).resolve()


@functools.cache
def _built(name, *command):
    """Builds and returns the path of the executable of the target `name`: cargo reports others beside it."""
    note("cargo " + " ".join(command))
    done = subprocess.run(["cargo", *command, "--message-format=json-render-diagnostics"], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise CouldNotRun(f"cargo {' '.join(command)} failed: {_tail(done.stderr)}")
    artifacts = (json.loads(line) for line in done.stdout.splitlines())
    return next(a["executable"] for a in artifacts if a.get("executable") and a["target"]["name"] == name)


def binary():
    """target/release/foldin, built first."""
    return _built("foldin", "build", "--release", "--bin", "foldin")


def bench(name):
    """The executable of a bench without a harness, built first."""
    return _built(name, "bench", "--bench", name, "--no-run")


# --- running a side ---------------------------------------------------------------------------

def note(text):
    """Progress, on standard error."""
    print(f"  · {text}", file=sys.stderr, flush=True)


def _tail(text):
    return " | ".join(text.strip().splitlines()[-3:]) or "no message"


def command(arguments, env=None, cwd=None, timeout=3600):
    """Runs to the end and returns standard output; a failure means that the figure could not run."""
    arguments = [str(a) for a in arguments]
    try:
        done = subprocess.run(arguments, env=os.environ | (env or {}), cwd=cwd, timeout=timeout,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CouldNotRun(str(error)) from error
    if done.returncode:
        raise CouldNotRun(f"`{' '.join(arguments)}` exited with {done.returncode}: {_tail(done.stderr)}")
    return done.stdout


def with_peak(arguments):
    """Runs to the end: standard output, and the most memory the process held, in bytes."""
    note(" ".join(Path(str(a)).name for a in arguments))
    process = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise CouldNotRun(f"`{arguments[0]}` failed: see above")
    return printed, usage.ru_maxrss * 1024


def foldin(*arguments):
    """One call of the real binary with --json: the parsed answer."""
    executable = binary()
    note("foldin " + " ".join(str(a) for a in arguments))
    return json.loads(command([executable, "--threads", THREADS, *arguments, "--json"]))


def evaluate(model, folder, metrics, *settings):
    """Trains on the split in `folder` and evaluates its test part by the split's protocol: {metric: mean}.

    Iterative models stop early on the split's validation part.
    """
    if not (folder / "test_in.parquet").exists():
        return evaluate_files(model, metrics, settings, "--train", folder / "train.parquet", "--test", folder / "test.parquet")
    return evaluate_files(
        model, metrics, settings, "--train", folder / "train.parquet",
        "--fold-in", folder / "test_in.parquet", "--target", folder / "test_out.parquet",
        "--validation-fold-in", folder / "valid_in.parquet", "--validation-target", folder / "valid_out.parquet")


def evaluate_files(model, metrics, settings, *files):
    """One model by `foldin evaluate` on the data that `files` (flags) name: {metric: mean}."""
    sets = [argument for setting in settings for argument in ("--set", setting)]
    answer = foldin("evaluate", "--model", model, *files, *sets, "--baselines", "popularity", "--metrics", ",".join(metrics))
    return next(row["metrics"] for row in answer["models"] if row["model"] == model)


def program(subcommand, *arguments):
    """One call of the measuring program (benches/measure): the parsed answer."""
    executable = bench("measure")
    note(" ".join(["measure", subcommand, *map(str, arguments)]))
    return json.loads(command([executable, subcommand, *arguments]))


def peer(script, *arguments, threads=THREADS):
    """One call of a script of benches/peers with the Python of PEERS_PYTHON: the parsed last line."""
    python = _from_environment("PEERS_PYTHON", "a Python with benches/peers/requirements.txt installed")
    note(" ".join([script, *map(str, arguments)]))
    printed = command([python, PEERS / script, *arguments], env={"OMP_NUM_THREADS": str(threads)})
    return json.loads(printed.strip().splitlines()[-1])


def trained(model, peer_model, folder, seeds, *settings):
    """Test NDCG@100 of both sides for each seed, with one setting: ([ours, …], [PyTorch's, …]).

    Batch 100, learning rate 1e-3, 150 epochs planned, β rising over .65 of the steps, validation every 5 epochs,
    6 validations of patience, the best epoch kept. Quality does not depend on time, so both sides run at once.
    """
    settings += ("training.batch_size=100", "training.learning_rate=0.001", "training.epochs=150",
                 "training.validate_every=5", "training.patience=6")
    options = ("--data", folder, "--model", peer_model, "--batch", 100, "--learning-rate", 1e-3, "--epochs", 150,
               "--kl-anneal", 0.65, "--validate-every", 5, "--patience", 6)

    def ours(seed):
        return evaluate(model, folder, ["ndcg@100"], *settings, f"training.seed={seed}")["ndcg@100"]

    def theirs(seed):
        return peer("multvae.py", *options, "--seed", seed, threads=1)["test"]["ndcg@100"]

    binary()  # built before the peer starts: what does not compile should not cost its minutes
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        torch = beside.map(theirs, seeds)
        return [ours(seed) for seed in seeds], list(torch)


def generated(folder, rows, users, items):
    """A generated log with text ids, in a scratch folder: the path of its Parquet file."""
    note(f"generating {rows:,} rows")
    command([binary(), "generate", "--out", folder, "--users", users, "--items", items, "--interactions", rows])
    return Path(folder) / "log.parquet"


def read_speed(log, at_least, rounds=3):
    """Parquet to interactions beside the tools in `at_least` ({tool: times as fast}), as checks."""
    sides = {tool: lambda tool=tool: peer("read_log.py", "--tool", tool, "--log", log) for tool in at_least}
    answers = alternate(rounds, foldin=lambda: program("read", "--log", log, "--threads", THREADS), **sides)
    ours = answers.pop("foldin")

    def told(answers):
        return f"{median(answers, 'seconds'):.2f} s, {median(answers, 'peak_bytes') / 1e9:.2f} GB"

    for tool, theirs in answers.items():
        if theirs[0]["interactions"] != ours[0]["interactions"]:
            raise CouldNotRun(f"{tool} finds {theirs[0]['interactions']} interactions, foldin {ours[0]['interactions']}")
    ratios = {tool: median(theirs, "seconds") / median(ours, "seconds") for tool, theirs in answers.items()}
    return [check(f"≥ {at_least[tool]:g} × {tool}", f"{ratio:.2f} × ({told(ours)})", f"{tool} {told(answers[tool])}",
                  ratio >= at_least[tool]) for tool, ratio in ratios.items()]


def step_speed(dataset, steps, limit, best, usual):
    """A training step beside the machine's limit and PyTorch's variants, as checks."""
    common = ("--data", data(dataset), "--batch", 500, "--steps", steps)
    variants = {"dense target": ("--target", "dense"), "gathered target": ("--target", "gather")}
    torch = {name: lambda options=options: peer("multvae.py", *common, *options) for name, options in variants.items()}
    slow = lambda: peer("multvae.py", *common, "--input", "dense", "--no-fused")
    answers = alternate(3, foldin=lambda: program("step", *common, "--threads", THREADS), **torch, usual=slow)
    ours = median(answers["foldin"], "median_ms")
    bound = median(answers["foldin"], "limit_ms")
    fastest = min(variants, key=lambda name: median(answers[name], "median_ms"))
    fast, slow = median(answers[fastest], "median_ms"), median(answers["usual"], "median_ms")
    seen = answers["foldin"][0]
    machine = f"{seen['limit_products_ms']:.0f} ms products + {seen['limit_memory_ms']:.0f} ms memory"
    return [check(f"≤ {limit:g} × limit", f"{ours / bound:.2f} ×: {spread(answers['foldin'], 'ms')}", f"limit {bound:.0f} ms ({machine})",
                  ours <= limit * bound),
            check(f"≥ {best:g} × best PyTorch", f"{fast / ours:.2f} ×", f"{fastest} {spread(answers[fastest], 'ms')}", fast >= best * ours),
            check(f"≥ {usual:g} × usual PyTorch", f"{slow / ours:.2f} ×", spread(answers["usual"], "ms"), slow >= usual * ours),
            memory(answers)]


def ease_peer(folder, items, lam):
    """Memory of peers/ease.py on so many items, as text: measured where it is sure to fit, computed otherwise."""
    most = 12 * items**2  # the dense matrix (4 bytes) beside a sparse one (8) that is as full at worst
    if most > PEER_MEMORY:
        return f"does not fit: ease.py takes up to {most / 2**30:.1f} GiB (computed, not run)"
    answer = peer("ease.py", "--data", folder, "--lambda", lam)
    return f"ease.py {answer['peak_rss_mib'] / 2**10:.2f} GiB, fit {answer['fit_s']:.0f} s"


def large_ease(dataset, items, recall, ndcg):
    """EASE on a large catalogue: λ chosen on a part of train, then memory and quality of one fit, as checks."""
    folder = data(dataset)
    with scratch() as part:
        command([binary(), "split", folder / "train.parquet", "--out", part, "--force", "--rule", "weak", "--min-item-users", 40])
        files = ("--train", Path(part) / "train.parquet", "--test", Path(part) / "test.parquet")
        found = {lam: evaluate_files("ease", ["ndcg@20"], [f"model.lambda={lam}"], *files)["ndcg@20"] for lam in (25, 50, 100, 200, 400)}
    lam = max(found, key=found.get)
    note(f"λ = {lam} of " + ", ".join(f"{lam}: {value:.4f}" for lam, value in found.items()))
    start = time.monotonic()
    printed, peak = with_peak([
        binary(), "--threads", THREADS, "evaluate", "--model", "ease", "--set", f"model.lambda={lam}", "--train",
        folder / "train.parquet", "--test", folder / "test.parquet", "--baselines", "popularity", "--metrics", "recall@20,ndcg@20", "--json"])
    seconds, answer = time.monotonic() - start, json.loads(printed)
    metrics = next(row["metrics"] for row in answer["models"] if row["model"] == "ease")
    return [check("peak memory ≤ 9 GiB", f"{peak / 2**30:.2f} GiB, λ = {lam}, {seconds:.0f} s with the evaluation",
                  ease_peer(folder, items, lam), peak <= 9 * 2**30),
            check(f"recall@20 ≥ {recall - .002:.4f}", f"{metrics['recall@20']:.4f}", f"BARS {recall:.4f}", metrics["recall@20"] >= recall - 0.002),
            check(f"NDCG@20 ≥ {ndcg - .002:.4f}", f"{metrics['ndcg@20']:.4f}", f"BARS {ndcg:.4f}", metrics["ndcg@20"] >= ndcg - 0.002),
            machine()]


def part(answer, name):
    """One part of a measurement that has several."""
    return next(part for part in answer["parts"] if part["part"] == name)


def memory(answers):
    """Peak memory of every side, for information: a check that always passes."""
    def peak(answer):
        return answer["peak_bytes"] if "peak_bytes" in answer else answer["peak_rss_mib"] * 2**20

    told = {side: f"{side} {max(peak(answer) for answer in rounds) / 1e9:.2f} GB" for side, rounds in answers.items()}
    return check("peak memory", told.pop("foldin").removeprefix("foldin "), ", ".join(told.values()), True)


def machine():
    """What the machine can do at most during a figure, for information: a check that always passes."""
    limits = program("limits", "--threads", THREADS)["all_threads"]
    return check("machine", f"{limits['fma_gflops']:.0f} GF/s multiply-add peak", f"{limits['copy_gb_per_s']:.1f} GB/s copy", True)


def alternate(rounds, **sides):
    """Calls the sides in turn (A B A B …) so that both see the same minutes: {side: [answer, …]}."""
    answers = {name: [] for name in sides}
    for _ in range(rounds):
        for name, call in sides.items():
            answers[name].append(call())
    return answers


def median(answers, key):
    """The median over the rounds of a measured value."""
    return statistics.median(answer[key] for answer in answers)


def spread(answers, unit):
    """The median and the least time over the rounds, as text."""
    middle = "median_ms" if unit == "ms" else "p50_us"
    return f"median {median(answers, middle):.4g} {unit} (min {min(a['min_' + unit] for a in answers):.4g})"


def listed(values):
    """Numbers separated by commas."""
    return ", ".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in values)


def scratch():
    """A folder that is gone after the figure."""
    return tempfile.TemporaryDirectory(prefix="foldin-figure-")


# --- a server and its clients -----------------------------------------------------------------

def seconds(full, short):
    """How long something is measured."""
    return short if SHORT else full


def published(folder):
    """A registry with Mult-VAE 600-200-600 over 10,000 items, trained for an epoch, and a log of its users.

    The time of an answer depends on the shape of the weights, not on their values. The item table is the one that
    `foldin publish` chooses.
    """
    folder = Path(folder)
    log = generated(folder / "log", 40_000, 2_000, 1_200) if SHORT else data("random-10k-strong") / "train.parquet"
    registry = folder / "registry"
    trained_version(registry, log, folder / "model", "served", "--promote")
    return registry, log


def trained_version(registry, log, model, name, *options, seed=1):
    """Trains a Mult-VAE for an epoch and publishes it: its version."""
    note(f"training and publishing {name}, seed {seed}")
    command([binary(), "--threads", THREADS, "train", log, "--out", model, "--epochs", 1, "--set", f"training.seed={seed}"])
    printed = command([binary(), "publish", model, "--registry", registry, "--name", name, *options, "--json"])
    return json.loads(printed)["version"]


def on_core(core, arguments):
    """The same command on one core."""
    return ["taskset", "-c", str(core), *(str(a) for a in arguments)]


class Server:
    """`foldin serve` on a core of its own, with one computing thread, for as long as the figure needs it."""

    def __init__(self, registry):
        arguments = on_core(SERVER_CORE, [binary(), "--threads", 1, "serve", "--registry", registry, "--port", 0])
        note(" ".join(Path(a).name for a in arguments))
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        said = self.process.stdout.readline()
        found = re.search(r" on (\S+:\d+)", said)
        if not found:
            self.process.kill()
            raise CouldNotRun(f"`foldin serve` does not say where: {said.strip() or 'it ended'}")
        self.address, self.pid = found.group(1), self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def memory(self, what="VmRSS"):
        """Bytes held now; VmHWM: held at most so far."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{what}:\s+(\d+) kB", status).group(1)) * 1024

    def bench(self, users, *arguments):
        """One `foldin bench-serve` on the client's core, top 100 of users with a stored history: the parsed answer."""
        note("foldin bench-serve " + " ".join(str(a) for a in arguments))
        return json.loads(command(on_core(CLIENT_CORE, [
            binary(), "--threads", 1, "bench-serve", self.address, "--users", users, "-n", 100, *arguments, "--json"])))

    def load(self, users, rate, duration, *arguments):
        """The result of one rate."""
        return self.bench(users, "--rate", f"{rate:.1f}", "--duration", duration, *arguments)["results"][0]

    def capacity(self, users):
        """Requests a second that are kept up with: 99 % answered, 99 % of these within 100 ms.

        Doubled until it is too much, then in steps of a tenth between the last two.
        """
        def kept(rates, lasting):
            rates = ",".join(f"{rate:.0f}" for rate in rates)
            return self.bench(users, "--rates", rates, "--objective", 100, "--duration", lasting, "--warm-up",
                              seconds(2, 0.5))["capacity"]

        rate = 50
        while rate < 100_000 and kept([rate], seconds(5, 1)):
            rate *= 2
        found = kept([rate / 2 * (1 + part / 10) for part in range(-2, 10)], seconds(15, 1))
        if not found:
            raise CouldNotRun(f"the server does not keep up with {rate / 2:.0f} requests a second; is the machine busy?")
        return found


def count(result, code):
    """Answers with a status code."""
    return sum(found["count"] for found in result["codes"] if found["code"] == code)


def not_ok(result):
    """Requests without a list, by reason, as text."""
    reasons = [f"{found['count']} {found['code']}" for found in result["codes"] if found["code"] != "OK"]
    reasons += [f"{result[key]} {name}" for key, name in (("not_sent", "not sent"), ("unanswered", "not answered")) if result[key]]
    return ", ".join(reasons) or "none"


def most_memory(server, during):
    """The answer of a call, and the most memory that the server held meanwhile, in bytes."""
    most, done = [server.memory()], threading.Event()

    def look():
        while not done.wait(0.05):
            most.append(server.memory())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        return during(), max(most)
    finally:
        done.set()
        watcher.join()


def server_memory(server):
    """Peak memory of the server, for information: a check that always passes."""
    return check("peak memory", f"{server.memory('VmHWM') / 1e6:.0f} MB", "server", True)


# --- checks -----------------------------------------------------------------------------------

def check(asked, measured, beside, ok):
    """One comparison; all but `ok` are texts for the line."""
    return {"asked": asked, "measured": measured, "beside": beside, "ok": bool(ok)}


def near(metric, measured, expected, tolerance, peer):
    """A metric that must hit a known value, and its peer's value of the same run, within a tolerance."""
    ok = abs(measured - expected) <= tolerance and abs(measured - peer) <= tolerance
    return check(f"{metric} {expected:.4f} ± {tolerance:.4f}", f"{measured:.4f}", f"{peer:.4f}", ok)


def main(measure):
    """Runs a figure as a program."""
    name, start = Path(sys.argv[0]).name, time.monotonic()
    try:
        checks = measure()
        result = {"status": "pass" if all(c["ok"] for c in checks) else "fail", "checks": checks}
    except CouldNotRun as reason:
        result = {"status": "could not run", "reason": str(reason)}
    result = {"name": name, **result, "seconds": round(time.monotonic() - start, 1)}
    print(json.dumps(result) if "--json" in sys.argv[1:] else line(result))
    sys.exit(EXIT[result["status"]])


def line(result):
    """A result as one line for people."""
    head = f"{result['status']:<13} {result['name']:<22}"
    if "checks" not in result:
        return f"{head} {result['reason']}"
    column = {key: "; ".join(c[key] for c in result["checks"]) for key in ("asked", "measured", "beside")}
    return f"{head} asked {column['asked']} | measured {column['measured']} | beside {column['beside']} ({result['seconds']:.0f} s)"
