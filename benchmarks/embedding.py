"""The rule embed beside the bare forward loop of the same network: images a second, memory.

The rule runs as Snakemake runs it, from a stack of 512 x 512 x 5 16-bit images on the disk, three
channels of which reach the network at 224, with a store. The loop is what one would write by hand:
the network as it was built, on tensors that are in memory already, with the same batch size and as
many threads; threads of torch, or so many loops of one thread, whichever is faster. The second
loop has the engine's own arithmetic and memory: what the rule could reach if images cost nothing.
Each runs in a process of its own, in turns; the median of the rounds counts.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

CHANNELS = ["dna", "er", "rna", "agp", "mito"]
NETWORKS = {"vit_small_patch16_224": 256, "resnet50": 256, "tf_efficientnet_lite0": 768}
BATCH = 16
LIMIT = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--only", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        kind, *arguments = json.loads(given.only)
        print(json.dumps(KINDS[kind](*arguments)))
        return
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), max(NETWORKS[name] for name in given.networks))
        print(f"{given.threads} threads, load {os.getloadavg()[0]:.1f} before")
        each = measured("parts", folder, given.threads)
        print(
            "alone, by all threads: " + ", ".join(f"{k} {v:.0f} a second" for k, v in each.items())
        )
        for name in given.networks:
            compare(name, folder, given)
        print(f"load {os.getloadavg()[0]:.1f} after")


def compare(name: str, folder: str, given: argparse.Namespace) -> None:
    """Print one network's line."""
    rounds = []
    for number in range(given.rounds):
        raw = measured("loop", name, given.threads, False)
        ours = measured("rule", name, folder, number, given.threads)
        tuned = measured("loop", name, given.threads, True)
        rounds.append((ours["rate"] / raw["rate"], ours["rate"] / tuned["rate"], ours, raw, tuned))
    ratio, bound, ours, raw, tuned = sorted(rounds, key=lambda r: r[0])[len(rounds) // 2]
    spread = ", ".join(f"{r[0]:.2f}" for r in rounds)
    print(
        f"{name} ours={ours['rate']:.1f}/s reference={raw['rate']:.1f}/s ratio={ratio:.2f} wanted "
        f"{LIMIT} (rounds {spread}); of the tuned loop's {tuned['rate']:.1f}/s {bound:.2f}\n"
        f"  peak memory {ours['peak']:.0f} MB, {ours['fewer']:.0f} MB after a quarter of the "
        f"images (loop {raw['peak']:.0f} MB); start-up {ours['start']:.1f} s",
        flush=True,
    )


def measured(*what) -> dict:
    """Run one part in a process of its own."""
    command = [sys.executable, __file__, "--only", json.dumps(what)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(what[2] if what[0] == "loop" else 1)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def draw(folder: Path, count: int) -> None:
    """Write stacks of simulated fields: a few, shifted, so that no two are the same."""
    import numpy as np
    import pandas as pd

    from twinscope import files
    from twinscope.sources import simulated

    arguments = {"size": 512, "microns_per_pixel": 0.65, "rows": 6, "columns": 8}
    few = [p.image for p in islice(simulated.simulate("cells", "speed", 0, **arguments), 8)]
    for number in {*NETWORKS.values(), *(n // 4 for n in NETWORKS.values())}:
        if number <= count:
            images = (np.roll(few[k % 8], k // 8, 2) for k in range(number))
            files.write_stack(folder / f"{number}.tif", images, number, CHANNELS)
            items = pd.DataFrame({"item": [f"i{k:04d}" for k in range(number)]})
            files.write_index(folder / f"{number}.parquet", items)


def row(name: str) -> dict:
    return {
        **{"model": name, "loader": "timm", "architecture": name, "weights": "none", "seed": 0},
        **{"policy": "chosen", "channels": ["mito", "er", "dna"], "intensity": "percentile"},
        **{"input_size": 224},
    }


def rule(name: str, folder: str, number: int, threads: int) -> dict:
    """Run the script of the rule on a quarter of the images, then on all of them."""
    began = time.time()
    from twinscope import embedding, files

    spans, own, write = [], embedding.embed, files.write_features

    def embed(*arguments, **options):
        spans.append([time.time()])
        return own(*arguments, **options)

    def write_features(*arguments):
        write(*arguments)
        spans[-1].append(time.time())

    embedding.embed, files.write_features = embed, write_features
    peaks = []
    for count in (NETWORKS[name] // 4, NETWORKS[name]):
        run_script(name, Path(folder), count, f"{folder}/store-{name}-{number}-{count}", threads)
        peaks.append(peak())
    seconds = spans[1][1] - spans[1][0]
    start = spans[0][0] - began
    return {
        **{"rate": NETWORKS[name] / seconds, "start": start},
        **{"fewer": peaks[0], "peak": peaks[1]},
    }


def run_script(name: str, folder: Path, count: int, store: str, threads: int) -> None:
    import runpy
    from types import SimpleNamespace

    from snakemake.iocontainers import Namedlist

    given = {"images": f"{folder}/{count}.tif", "tiles": f"{folder}/{count}.parquet"}
    run = {"batch_size": BATCH, "compiled": False}
    cards = {"dataset": "bench", "representation": name, "unit": "all"}
    job = SimpleNamespace(
        **{"input": Namedlist(fromdict=given), "wildcards": Namedlist(fromdict=cards)},
        output=Namedlist(fromdict={"features": f"{folder}/{name}.h5ad"}),
        params=Namedlist(fromdict={"network": row(name), "channels": CHANNELS, "run": run}),
        **{"log": [], "threads": threads, "config": {"store": store}},
    )
    runpy.run_path(str(SCRIPTS / "embed.py"), {"snakemake": job}, "__main__")


def loop(name: str, threads: int, tuned: bool) -> dict:
    """Run the bare forward loop; with threads of torch, and with loops of one thread each."""
    import torch

    if tuned:
        from twinscope.embedding import devices
    from twinscope import models

    module = models.load(row(name)).module.to(memory_format=torch.channels_last)
    batch = torch.randn(BATCH, 3, 224, 224).contiguous(memory_format=torch.channels_last)

    def forward(count: int, own: int) -> None:
        torch.set_num_threads(own)
        with torch.inference_mode():
            for _ in range(count):
                if tuned:
                    with devices.arithmetic("cpu", "float32", False):
                        module(batch)
                else:
                    module(batch)

    batches, rates = NETWORKS[name] // BATCH, []
    for own in {1, threads}:
        workers = threads // own
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(forward, [1] * workers, [own] * workers))
            began = time.time()
            list(pool.map(forward, [batches // workers] * workers, [own] * workers))
            rates.append(batches // workers * workers * BATCH / (time.time() - began))
    return {"rate": max(rates), "peak": peak()}


def parts(folder: str, threads: int) -> dict:
    """Images a second of reading, of reading three channels, of preparing, of fingerprints."""
    import torch

    from twinscope import files, inputs, models
    from twinscope.embedding import keys

    stack = files.Stack(f"{folder}/{min(NETWORKS.values())}.tif")
    network = models.load({**row("test_vit"), "input_size": 224})
    chosen = stack.only([4, 1, 0])
    names, images = ["mito", "er", "dna"], [chosen[k] for k in range(64)]
    tasks = {
        "decoding": lambda k: stack[k],
        "decoding three channels": lambda k: chosen[k],
        "preparing": lambda k: inputs.prepare(images[k % 64], network, names),
        "fingerprints": lambda k: keys.of_image(images[k % 64], names, None),
    }
    rates = {}
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for name, task in tasks.items():
            list(pool.map(task, range(64)))
            began = time.time()
            list(pool.map(task, range(len(stack))))
            rates[name] = len(stack) / (time.time() - began)
    return rates


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


KINDS = {"rule": rule, "loop": loop, "parts": parts}

if __name__ == "__main__":
    main()
