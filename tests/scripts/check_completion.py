#!/usr/bin/python3
"""The completions for bash and zsh offer what the program knows.

Usage: check_completion.py PROJECT RIDGELINE
The zsh file is only read by zsh where there is one.
"""
import pathlib
import shutil
import subprocess
import sys

folder = pathlib.Path(sys.argv[1]) / "scripts" / "completion"
ridgeline = sys.argv[2]


def complete(*words):
    script = (f'source "{folder / "ridgeline.bash"}"; COMP_WORDS=("$@"); '
              'COMP_CWORD=$(($# - 1)); _ridgeline; printf "%s\\n" "${COMPREPLY[@]}"')
    run = subprocess.run(["bash", "-c", script, "-", ridgeline, *words], check=True,
                         capture_output=True, text=True)
    return run.stdout.split()


wrong = []


def expect(words, *offered):
    got = complete(*words)
    for word in offered:
        if word not in got:
            wrong.append(f"{' '.join(words)!r} does not offer {word}: {got}")
    return got


expect([""], "evaluate", "schedule", "explore", "report", "check")
if complete("sch") != ["schedule"]:
    wrong.append(f"'sch' becomes {complete('sch')}")
expect(["evaluate", "--"], "--workload", "--objective", "--export-mapping")
expect(["schedule", "--mo"], "--mode")
expect(["schedule", "--mode", ""], "fused", "layer-by-layer")
if any(not word.startswith("--ob") for word in complete("evaluate", "--ob")):
    wrong.append("offers what does not begin with --ob")
if shutil.which("zsh"):
    subprocess.run(["zsh", "-n", folder / "_ridgeline"], check=True)
if wrong:
    sys.exit("\n".join(wrong))
print("completions offer commands, options and values")
