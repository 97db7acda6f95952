#!/usr/bin/python3
"""Random layers with random constraints on their loops: are they kept, and how long does it take?

Usage: constrained_layers.py RIDGELINE ACCELERATOR [LAYERS] [SEED]

Each layer gets a temporal_ordering of some or all of its loops, some of any size. The exact engine's
loops must multiply up to the layer and begin as asked, its latency must be at least that without the
constraint and at most what the engine loma finds. Layers that take more than twice as long under their
constraint, and 50 ms more, are measured again, three times, in processor time of the whole command, of which
the least counts. Prints a line for each that is slow even then, with nodes and seconds of both, and one in all.
"""
import json
import pathlib
import random
import resource
import subprocess
import sys
import tempfile

import yaml

program, accelerator = sys.argv[1:3]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 100
dice = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
units = yaml.safe_load(pathlib.Path(accelerator).read_text())["operational_array"]["sizes"]


def primes(number):
    factors, prime = [], 2
    while number > 1:
        while number % prime == 0:
            factors.append(prime)
            number //= prime
        prime += 1
    return factors


def draw(number):
    size = {"B": 1, "K": dice.choice([8, 12, 16, 24, 32, 64]), "C": dice.choice([4, 8, 16, 20, 48]),
            "OY": dice.choice([1, 5, 6, 7, 14, 28]), "OX": dice.choice([1, 6, 7, 12, 14, 28]),
            "FY": dice.choice([1, 3]), "FX": dice.choice([1, 3, 5])}
    layer = {"id": number, "name": f"l{number}", "operator_type": "Conv",
             "equation": "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
             "dimension_relations": ["ix=1*ox+1*fx", "iy=1*oy+1*fy"], "loop_dims": list(size),
             "loop_sizes": list(size.values()),
             "operand_precision": {"W": 8, "I": 8, "O": 16, "O_final": 8},
             "operand_source": {"I": number, "W": number}}
    spatial, left = {}, dict(size)
    for dim, loop, most in zip(("D1", "D2"), ("K", "C"), units):
        factor = max(f for f in range(1, most + 1) if size[loop] % f == 0)
        spatial[dim] = [f"{loop}, {factor}"]
        left[loop] //= factor
    loops = [(dim, prime) for dim in left for prime in primes(left[dim])]
    dice.shuffle(loops)
    order = []
    for dim, prime in loops[:dice.randint(1, max(1, len(loops)))]:
        if order and order[-1][0] == dim and order[-1][1] != "*" and dice.random() < 0.7:
            order[-1][1] *= prime
        else:
            order.append([dim, prime if dice.random() < 0.7 else "*"])
    return layer, spatial, order, left


def begins_as(loops, order, at=0, position=0):
    """Whether the loops, innermost first, begin with a run for each position of the order."""
    if position == len(order):
        return True
    dim, size = order[position]
    product = 1
    for end in range(at, len(loops)):
        if loops[end][0] != dim:
            return False
        product *= loops[end][1]
        if size in ("*", product) and begins_as(loops, order, end + 1, position + 1):
            return True
    return False


def is_slow(constrained, free):
    return constrained > 2 * free + 0.05


drawn = [draw(i) for i in range(count)]
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)

    def evaluate(engine, constrained, some=drawn):
        (folder / "w.yaml").write_text(yaml.safe_dump([d[0] for d in some], sort_keys=False))
        entries = [{"name": layer["name"], "spatial_mapping": spatial}
                   | ({"temporal_ordering": order} if constrained else {})
                   for layer, spatial, order, _ in some]
        (folder / "m.yaml").write_text(yaml.safe_dump(entries + [{"name": "default"}]))
        run = subprocess.run(
            [program, "evaluate", "-w", folder / "w.yaml", "-a", accelerator, "-m",
             folder / "m.yaml", "--engine", engine, "--format", "json", "--quiet", "--threads",
             "1"], check=False, capture_output=True, text=True)
        return json.loads(run.stdout)["layers"]

    def seconds(constrained, one):
        times = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            evaluate("exact", constrained, [one])
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(times)

    exact, free, loma = evaluate("exact", True), evaluate("exact", False), evaluate("loma", True)
    slow = 0
    for one, a, b in zip(drawn, exact, free):
        if not is_slow(a["search"]["seconds"], b["search"]["seconds"]):
            continue
        times = [seconds(constrained, one) for constrained in (True, False)]
        if is_slow(*times):
            slow += 1
            print(one[0]["name"], dict(zip(one[0]["loop_dims"], one[0]["loop_sizes"])), one[2],
                  *(f"{t:.3f} s, {r['search'].get('nodes')} nodes" for t, r in zip(times, (a, b))))

wrong, refused = 0, 0
for (layer, _, order, left), a, b, c in zip(drawn, exact, free, loma):
    refused += "infeasible" in c
    good = "infeasible" not in a and a["search"]["optimal"]
    if good:
        loops = [(l["dim"], l["size"]) for l in a["mapping"]["temporal"] if l["size"] > 1]
        product = dict.fromkeys(left, 1)
        for dim, size in loops:
            product[dim] *= size
        latency = a["latency"]["total"]
        good = (product == left and begins_as(loops, order)
                and latency >= b["latency"]["total"] - 1e-6
                and ("infeasible" in c or latency <= c["latency"]["total"] + 1e-6))
    if not good:
        wrong += 1
        print(layer["name"], order, a.get("infeasible", ""))
total = [sum(layer["search"]["seconds"] for layer in run) for run in (exact, free)]
nodes = [sum(layer["search"].get("nodes", 0) for layer in run) for run in (exact, free)]
print(f"{count} layers: {wrong} wrong, {refused} refused by loma, {total[0]:.2f} s and {nodes[0]} nodes under "
      f"constraints, {total[1]:.2f} s and {nodes[1]} without, {slow} slower than twice and 50 ms")
sys.exit(wrong != 0)
