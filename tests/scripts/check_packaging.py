#!/usr/bin/python3
"""The recipes for clusters name every dependency that CMake asks for, and files that exist.

Usage: check_packaging.py SOURCE_DIR
"""
import ast
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1]).resolve()
problems = []

# CMake's name of a dependency, and Spack's.
SPACK = {"nlohmann_json": "nlohmann-json", "yaml-cpp": "yaml-cpp",
         "TBB": "intel-oneapi-tbb", "Boost": "boost", "MPI": "mpi", "HDF5": "hdf5",
         "Protobuf": "protobuf", "ONNX": "onnx", "GTest": "googletest", "benchmark": None}
asked = re.findall(r"^\s*ridgeline_require\((\S+)",
                   (source / "cmake/RidgelineDependencies.cmake").read_text(encoding="utf-8"), re.M)
recipe = source / "packaging/spack/packages/ridgeline/package.py"
tree = ast.parse(recipe.read_text(encoding="utf-8"), str(recipe))
calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
named = {re.match(r"[a-z0-9-]+", call.args[0].value).group() for call in calls
         if isinstance(call.func, ast.Name) and call.func.id == "depends_on"}
for package in asked:
    if package not in SPACK:
        problems.append(f"{recipe.name}: what is CMake's {package} called in Spack?")
    elif SPACK[package] is not None and SPACK[package] not in named:
        problems.append(f"{recipe.name}: no depends_on({SPACK[package]!r}), which CMake asks for")
version = re.search(r"project\(ridgeline VERSION (\S+)",
                    (source / "CMakeLists.txt").read_text(encoding="utf-8")).group(1)
versions = {call.args[0].value for call in calls
            if isinstance(call.func, ast.Name) and call.func.id == "version"}
if version not in versions:
    problems.append(f"{recipe.name}: no version {version}")

definition = source / "packaging/apptainer/ridgeline.def"
text = definition.read_text(encoding="utf-8")
if not text.lstrip("#").split("\n", 1)[1].startswith("Bootstrap:"):
    problems.append(f"{definition.name}: the header begins with Bootstrap")
sections = set(re.findall(r"^%(\w+)", text, re.M))
for unknown in sections - {"files", "post", "environment", "runscript", "test", "labels", "help"}:
    problems.append(f"{definition.name}: no such section: %{unknown}")
for script in re.findall(r"scripts/[\w-]+", text):
    if not (source / script).exists():
        problems.append(f"{definition.name}: no {script}")

if problems or not asked or not named:
    sys.exit("\n".join(problems) or "nothing found to check")
print(f"{len(asked)} dependencies, {len(sections)} sections")
