#!/usr/bin/python3
"""Costs of memories from tables and from a memory compiler, as one who explores asks for them.

Usage: check_technology.py RIDGELINE SOURCE_DIR
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="ridgeline-technology-"))
ENVIRONMENT = {**os.environ, "RIDGELINE_CACTI_ANSWERS": str(FOLDER / "cache/answers.jsonl")}
ENVIRONMENT.pop("RIDGELINE_CACTI", None)
# Stands in for CACTI: energy with the square root of the size, area with the size, and a line a call.
STAND_IN = """#!/bin/sh
echo called >> "{calls}"
size=$(sed -n 's/^-size (bytes) //p' "$2")
[ "$size" -ge 64 ] || { echo "Cache size must >=64" >&2; exit 1; }
echo 'Tech node (nm), Capacity (bytes), Access time (ns), Dynamic search energy (nJ), Dynamic read energy (nJ), Dynamic write energy (nJ), Standby leakage per bank(mW), Area (mm2)' > "$2.out"
awk -v s="$size" 'BEGIN { printf "22, %d, 0.4, N/A, %.9g, %.9g, %.9g, %.9g\\n", s, sqrt(s)/1e4, sqrt(s)/8e3, s/1e4, s/1e6 }' >> "$2.out"
"""


def run(*words, **more):
    done = subprocess.run([PROGRAM, *map(str, words)], cwd=FOLDER, env={**ENVIRONMENT, **more}, capture_output=True,
                          text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def accelerator(name, cost, size=16777216, clock=True):
    text = (SOURCE / "examples/studies/quickstart/accelerator.yaml").read_text()
    text = text.replace("cost: {kind: sram}", f"cost: {cost}").replace("size: 16777216", f"size: {size}")
    if not clock:
        text = text.replace("clock: 700 MHz\n", "").replace("area_unit: mm2\n", "")
    (FOLDER / name).write_text(text)
    return ["evaluate", "-w", SOURCE / "examples/labs/conv1.yaml", "-a", name, "-m",
            SOURCE / "examples/mappings/tpu_like.yaml", "--engine", "loma"]


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


try:
    # Units that are known, and those that are not.
    code, text, _ = run(*accelerator("a.yaml", "{kind: sram}"))
    for words in ("Energy ", " uJ, latency", " ms at 700 MHz", " mW, ", "OP/s/W.", " mm2, technology 28nm."):
        expect(words in text, f"{words!r} is missing in {text}")
    code, text, _ = run(*accelerator("b.yaml", "{kind: sram}", clock=False))
    expect("in the unit of the accelerator's document" in text and "MHz" not in text and "OP/s" not in text, text)
    code, text, _ = run(*accelerator("a.yaml", "{kind: sram}"), "--format", "json")
    result = json.loads(text)
    total = result["total"]
    expect(abs(total["time_ms"] - total["latency"] / 700e3) < 1e-9 * total["time_ms"], total)
    expect(abs(total["power_w"] - total["energy"] * 1e-9 / total["time_ms"]) < 1e-9 * total["power_w"], total)
    expect(result["technology"] == "28nm" and result["area_unit"] == "mm2", result.keys())
    expect(any("from sram_28nm" in note for note in result["notes"]), result["notes"])

    # A memory compiler is the user's word, never the document's.
    ask = accelerator("c.yaml", "{kind: sram, node: 22nm, source: cacti}")
    code, _, errors = run(*ask)
    expect(code == 3 and "RIDGELINE_CACTI" in errors, errors)
    calls = FOLDER / "calls"
    program = FOLDER / "cacti"
    program.write_text(STAND_IN.replace("{calls}", str(calls)))
    program.chmod(0o755)
    named = {"RIDGELINE_CACTI": str(program)}
    answers = [run(*ask, "--format", "json", **named) for _ in range(2)]
    expect([code for code, _, _ in answers] == [0, 0], answers[0][2])
    first, second = (json.loads(text) for _, text, _ in answers)
    expect(first["total"] == second["total"], "an answer that was remembered is another one")
    expect(calls.read_text().count("called") == 1, "it was asked again")
    note = next(note for note in first["notes"] if "unified_buffer" in note)
    # 2 MiB: 1448.15 / 10^4 nJ, 209.7 mW.
    expect("144.815 pJ a read" in note and "leakage 209.7 mW" in note and "area 2.097152" in note, note)
    expect(abs(first["total"]["leakage_w"] - 0.2097152) < 1e-9, first["total"])
    code, _, errors = run(*accelerator("d.yaml", "{kind: sram, node: 22nm, source: cacti}", size=64), **named)
    expect(code == 3 and "has no answer" in errors and "must >=64" in errors and "/memories/unified_buffer/cost" in errors, errors)
    # A program that cannot be run is the machine's fault.
    for broken in (FOLDER / "nothing", FOLDER / "a.yaml"):
        code, _, errors = run(*ask, RIDGELINE_CACTI=str(broken), RIDGELINE_CACTI_ANSWERS=str(FOLDER / "other"))
        expect(code == 74 and "RIDGELINE_CACTI" in errors, (code, errors))
    # A memory of its own answers, where lines were cut off.
    remembered = FOLDER / "cache/answers.jsonl"
    whole = remembered.read_text()
    remembered.write_text(whole[:len(whole) // 2] + "\n" + whole)
    code, text, _ = run(*ask, "--format", "json", **named)
    expect(json.loads(text)["total"] == first["total"] and calls.read_text().count("called") == 2, calls.read_text())

    # A study: one line varies a size, and a table is an input like any other.
    table = FOLDER / "own.yaml"
    table.write_text((SOURCE / "examples/technology/sram_28nm.yaml").read_text())
    accelerator("e.yaml", "{kind: sram, source: own.yaml}")
    (FOLDER / "study.yaml").write_text(f"""
workloads: [{SOURCE}/examples/labs/conv1.yaml]
accelerator: e.yaml
mapping: {SOURCE}/examples/mappings/tpu_like.yaml
parameters: [{{name: buffer, path: /memories/unified_buffer/size, values: [1048576, 4194304, 16777216]}}]
mapping_search: {{engine: loma}}
objectives: [energy, area]
""")
    code, _, errors = run("explore", "study.yaml", "-o", "s.h5", "--max-evaluations", "1", "--no-prune")
    expect(code == 75, errors)
    table.write_text(table.read_text().replace("208.08", "208.07"))
    code, _, errors = run("explore", "study.yaml", "-o", "s.h5", "--resume", "--no-prune")
    expect(code == 3 and "own.yaml" in errors, (code, errors))
    table.write_text(table.read_text().replace("208.07", "208.08"))
    code, _, errors = run("explore", "study.yaml", "-o", "s.h5", "--resume", "--no-prune")
    expect(code == 0 and "0 failed" in errors, (code, errors))
    code, text, _ = run("report", "s.h5", "--csv", "-")
    rows = [line.split(",") for line in text.splitlines()]
    areas = [float(row[rows[0].index("area")]) for row in rows[1:]]
    expect(len(areas) == 3 and areas == sorted(areas) and areas[0] < areas[2], text)
    print("costs of memories are what tables and the memory compiler say")
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
