"""Builds the package for pip, with CMake and Python's own library alone: nothing is downloaded.

The shared library is built from this checkout into build/python; where RIDGELINE_LIBRARY names one that
is built already, that is taken. CMAKE_BUILD_PARALLEL_LEVEL is honoured.
"""
import base64
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAME = "ridgeline"


def _version():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"project\(ridgeline VERSION ([0-9.]+)", text).group(1)


def _metadata():
    return "\n".join([
        "Metadata-Version: 2.1", f"Name: {NAME}", f"Version: {_version()}",
        "Summary: Architecture x mapping x schedule exploration for deep-learning accelerators",
        "License: MIT", "Requires-Python: >=3.9",
        "Provides-Extra: tables", "Requires-Dist: pandas; extra == 'tables'",
        "Provides-Extra: studies", "Requires-Dist: numpy; extra == 'studies'", "Requires-Dist: h5py; extra == 'studies'",
        "Provides-Extra: plots", "Requires-Dist: matplotlib; extra == 'plots'", ""])


def _tag():
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    return f"py3-none-{platform}"


def _library():
    """The shared library, built where none is named."""
    named = os.environ.get("RIDGELINE_LIBRARY")
    if named:
        path = pathlib.Path(named)
        return path / "libridgeline.so" if path.is_dir() else path
    if shutil.which("cmake") is None:
        sys.exit("ridgeline is built with CMake, which is not there (see scripts/install-deps)")
    folder = ROOT / "build" / "python"
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DRIDGELINE_TESTS=OFF"]
    if shutil.which("ninja"):
        options += ["-G", "Ninja"]
    if shutil.which("ccache"):
        options += ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    environment = {**os.environ, "CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"}
    environment.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count() or 1))
    subprocess.run(["cmake", "-S", str(ROOT), "-B", str(folder), *options], check=True, env=environment)
    subprocess.run(["cmake", "--build", str(folder), "--target", "ridgeline_shared"], check=True, env=environment)
    return folder / "libridgeline.so"


def _wheel_text():
    return f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: false\nTag: {_tag()}\n"


class _Wheel:
    """A wheel: files, and a record of their digests."""

    def __init__(self, folder):
        self.name = f"{NAME}-{_version()}-{_tag()}.whl"
        self._info = f"{NAME}-{_version()}.dist-info"
        self._zip = zipfile.ZipFile(pathlib.Path(folder) / self.name, "w", zipfile.ZIP_DEFLATED)
        self._record = []

    def add(self, name, content, executable=False):
        entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
        entry.external_attr = (0o755 if executable else 0o644) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(entry, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self._record.append(f"{name},sha256={digest},{len(content)}")

    def close(self):
        self.add(f"{self._info}/METADATA", _metadata().encode())
        self.add(f"{self._info}/WHEEL", _wheel_text().encode())
        self.add(f"{self._info}/LICENSE", (ROOT / "LICENSE").read_bytes())
        record = f"{self._info}/RECORD"
        self._zip.writestr(record, "\n".join([*self._record, f"{record},,", ""]))
        self._zip.close()
        return self.name


def get_requires_for_build_wheel(config_settings=None):
    return []


get_requires_for_build_editable = get_requires_for_build_sdist = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory) / f"{NAME}-{_version()}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(_metadata(), encoding="utf-8")
    (folder / "WHEEL").write_text(_wheel_text(), encoding="utf-8")
    return folder.name


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    library = _library().resolve()
    wheel = _Wheel(wheel_directory)
    package = ROOT / "python" / NAME
    for path in sorted(package.rglob("*")):
        if path.suffix == ".py" or path.name == "py.typed":
            wheel.add(str(path.relative_to(package.parent)), path.read_bytes())
    wheel.add(f"{NAME}/lib/libridgeline.so", library.read_bytes(), executable=True)
    return wheel.close()


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """The checkout itself, with the library of its release build."""
    wheel = _Wheel(wheel_directory)
    wheel.add(f"{NAME}.pth", f"{ROOT / 'python'}\n".encode())
    return wheel.close()


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError("the sources are the checkout: pip install .")
