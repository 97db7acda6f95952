#!/usr/bin/python3
"""Every example document keeps to the JSON Schema of its kind, and a misspelt key does not.

Usage: check_schema.py PROJECT RIDGELINE
Kinds are those that `ridgeline check` tells. Results of evaluate, with and without --depth-first, and of
schedule are checked too.
Exits 77 (skip) without Python's jsonschema.
"""
import json
import pathlib
import subprocess
import sys

import yaml

try:
    import jsonschema
except ImportError:
    print("skipped: no jsonschema")
    sys.exit(77)

project, ridgeline = pathlib.Path(sys.argv[1]), sys.argv[2]
SCHEMAS = {"accelerator": "accelerator", "core": "core", "multi-core accelerator": "system",
           "mapping": "mapping", "multi-core mapping": "multi_core_mapping",
           "workload": "workload", "study": "study"}


class Loader(yaml.SafeLoader):
    """Of a repeated key the last value counts; keys are texts."""

    def construct_mapping(self, node, deep=False):
        return {str(key): value for key, value in super().construct_mapping(node, deep).items()}


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
                       lambda loader, node: loader.construct_mapping(node, True))


def validator(name):
    schema = json.loads((project / "docs" / "schema" / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


# Not documents that `check` knows: tables of costs, results, and what labs leave behind.
OTHERS = {"technology", "published", "results"}
files = sorted(p for p in (project / "examples").rglob("*")
               if p.suffix in (".yaml", ".json") and not OTHERS & set(p.parts))
answer = subprocess.run([ridgeline, "check", "--format", "json", *map(str, files)], check=False,
                        capture_output=True, text=True)
seen, wrong = {}, []
for entry in json.loads(answer.stdout):
    kind = entry.get("found", "").split(",")[0]
    if kind not in SCHEMAS:
        wrong.append(f"{entry['file']}: {entry.get('error') or entry}")
        continue
    document = yaml.load(pathlib.Path(entry["file"]).read_text(encoding="utf-8"), Loader)
    check = validator(SCHEMAS[kind])
    seen.setdefault(kind, document)
    for error in check.iter_errors(document):
        wrong.append(f"{entry['file']}: {error.json_path}: {error.message[:200]}")
missing = set(SCHEMAS) - set(seen)
if missing:
    wrong.append("no example of kind " + ", ".join(sorted(missing)))

# A key that nobody knows.
for kind, document in seen.items():
    target = document[0] if isinstance(document, list) else document
    target["misspelt_key"] = 1
    if not list(validator(SCHEMAS[kind]).iter_errors(document)):
        wrong.append(f"{kind}: a misspelt key is taken")

conv = str(project / "examples" / "labs" / "conv1.yaml")
core = str(project / "examples" / "accelerators" / "tpu_like.yaml")
multi = project / "examples" / "labs" / "multicore"
fused = project / "examples" / "depth-first"
for name, arguments in {
        "evaluation": ["evaluate", "-w", conv, "-a", core, "--engine", "loma"],
        "depth_first": ["evaluate", "--depth-first", "-w", str(fused / "fsrcnn.yaml"), "-a",
                        str(fused / "large_core.yaml"), "-m", str(fused / "large_core_mapping.yaml"),
                        "--semantics", "defines", "--tile", "60/240,72", "--overlap", "cached"],
        "schedule": ["schedule", "-w", str(multi / "four_convs.yaml"), "-a",
                     str(multi / "system.yaml"), "-m", str(multi / "one_layer_a_core.yaml"),
                     "--mode", "layer-by-layer"]}.items():
    run = subprocess.run([ridgeline, *arguments, "--format", "json", "--quiet"], check=True,
                         capture_output=True, text=True)
    for error in validator(name).iter_errors(json.loads(run.stdout)):
        wrong.append(f"{name}: {error.json_path}: {error.message[:200]}")

if wrong:
    sys.exit("\n".join(wrong))
print(f"{len(files)} documents looked at, kinds: {', '.join(sorted(seen))}")
