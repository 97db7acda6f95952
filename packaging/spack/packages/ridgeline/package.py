"""Spack recipe of Ridgeline: `spack repo add packaging/spack && spack install ridgeline`."""
from spack.package import *


class Ridgeline(CMakePackage):
    """Finds the best architecture x mapping x schedule for running neural networks on
    deep-learning accelerators, alone or spread over an MPI cluster."""

    # From a checkout: `spack develop --path /where/it/is ridgeline@=0.1.0`.
    license("MIT")
    version("0.1.0")

    variant("tests", default=False, description="Build the tests")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("mpi@3:")
    depends_on("intel-oneapi-tbb@2021:")
    depends_on("hdf5@1.10: ~mpi ~cxx")
    depends_on("nlohmann-json@3.11:")
    depends_on("yaml-cpp@0.7:")
    depends_on("boost@1.74: +program_options")
    depends_on("protobuf@3.21:")
    depends_on("onnx@1.12:")
    depends_on("googletest@1.12: +gmock", when="+tests", type="build")

    generator("ninja")
    conflicts("%gcc@:11", msg="needs C++20 as GCC 12 has it")

    def cmake_args(self):
        return [
            self.define_from_variant("RIDGELINE_TESTS", "tests"),
            self.define("RIDGELINE_BENCH", False),
        ]
