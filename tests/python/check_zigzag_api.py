#!/usr/bin/python3
"""What ZigZag's own tests of its API ask, asked of `ridgeline.compat.zigzag`: whole networks, figure by figure.

Usage: check_zigzag_api.py REFERENCE_DIR SOURCE_DIR LIBRARY
Exits 77 where the references' inputs are absent. The figures are those that the reference's tests expect, but for the
energy of gemm_l1_l3: there they are of earlier costs than those of the file, and the figure here is what the reference
gives for the file as it is.
"""
import os
import pathlib
import sys
import tempfile
import unittest

LIBRARY = sys.argv.pop()
SOURCE = pathlib.Path(sys.argv.pop()).resolve()
REFERENCE = pathlib.Path(sys.argv.pop())
if not (REFERENCE / "inputs/hardware").is_dir():
    print("there are no reference inputs: not tested")
    sys.exit(77)
os.environ["RIDGELINE_LIBRARY"] = LIBRARY
sys.path.insert(0, str(SOURCE / "python"))
from ridgeline.compat.zigzag.api import (  # noqa: E402
    get_hardware_performance_zigzag, get_hardware_performance_zigzag_imc)

INPUTS = REFERENCE / "inputs"
NETWORKS = ("resnet18.onnx", "resnet18.yaml")

# Accelerator: (energy in pJ, latency in cycles) of each of NETWORKS.
ORIGIN = {
    "tpu_like": ((1871436380.66, 3703960.5), (2615172831.38, 5584991.0)),
    "edge_tpu_like": ((1903229377.55, 2887804.5), (2413348670.67, 3741293.0)),
    "meta_prototype": ((1863284164.16, 2700449.66), (2373454257.72, 3316037.0)),
    "tesla_npu_like": ((1859923747.33, 2719709.75), (2363901208.14, 3313105.91)),
    "ascend_like": ((1940385435.76, 3032311.0), (2449578483.76, 3980000.0)),
}
LOCALITY = {
    "tpu_like": ((1735241704.22, 3762552.5), (2302362179.97, 5548138.0)),
    "edge_tpu_like": ((1783892066.11, 2957953.5), (2115121959.87, 3706985.0)),
    "meta_prototype": ((1710966136.48, 2689737.0), (2204158604.12, 3295822.0)),
    "tesla_npu_like": ((1725111410.78, 2709223.75), (2213422347.76, 3296500.58)),
    "ascend_like": ((1813915548.47, 3017312.0), (2338798423.04, 3961239.0)),
}
MIXED = {
    "tpu_like": ((1759424218.32, 4256300.0), (2191903732.78, 4657608.0)),
    "edge_tpu_like": ((1735517943.87, 3834226.0), (2029477205.31, 4586293.0)),
    "meta_prototype": ((1746642408.16, 2688913.66), (2249214190.04, 3278925.33)),
    "tesla_npu_like": ((1599110638.5, 2318166.5), (2084306723.24, 2889873.0)),
    "ascend_like": ((1811468387.52, 3119977.33), (2349013378.88, 3718548.66)),
}
# With clock period (ns) and area (mm2).
IN_MEMORY = {
    "aimc": ((4695729577.211851, 5050846.0), (4264976904.6396008, 4371385.0), 14.07244, 2.2878123152749223),
    "dimc": ((4726170712.825855, 5681000.0), (4268285089.3547516, 5114707.0), 3.75708, 0.8018113023999999),
}


class Api(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def asked(self, network, accelerator, mapping, call=get_hardware_performance_zigzag, **options):
        workload = network if isinstance(network, list) else str(INPUTS / "workload" / network)
        return call(workload=workload, accelerator=str(INPUTS / "hardware" / f"{accelerator}.yaml"),
                    mapping=str(INPUTS / "mapping" / f"{mapping}.yaml"), opt="latency", dump_folder=str(self.folder / "dump"),
                    pickle_filename=str(self.folder / "list_of_cmes.pickle"), loma_show_progress_bar=False, **options)

    def close(self, found, expected):
        # As the reference's tests compare: pytest.approx, 1e-6 of the figure.
        self.assertLessEqual(abs(found - expected), 1e-6 * expected, f"{found} is not {expected}")

    def networks(self, expected, suffix="", **options):
        for accelerator, figures in expected.items():
            mapping = accelerator.replace("meta_prototype", "meta_prototype_like") + suffix
            for network, (energy, latency) in zip(NETWORKS, figures):
                with self.subTest(accelerator=accelerator, network=network):
                    found = self.asked(network, accelerator, mapping, **options)
                    self.close(found[0], energy)
                    self.close(found[1], latency)

    def test_origin(self):
        self.networks(ORIGIN)

    def test_origin_of_a_workload_given_as_a_list(self):
        import yaml
        layers = yaml.safe_load((INPUTS / "workload/resnet18.yaml").read_text())
        found = self.asked(layers, "ascend_like", "ascend_like")
        self.close(found[0], ORIGIN["ascend_like"][1][0])
        self.close(found[1], ORIGIN["ascend_like"][1][1])

    def test_origin_of_a_model_in_memory(self):
        import onnx
        energy, latency, _ = get_hardware_performance_zigzag(
            onnx.load(INPUTS / "workload/resnet18.onnx", load_external_data=False), str(INPUTS / "hardware/tpu_like.yaml"),
            str(INPUTS / "mapping/tpu_like.yaml"), dump_folder=str(self.folder), loma_show_progress_bar=False)
        self.close(energy, ORIGIN["tpu_like"][0][0])
        self.close(latency, ORIGIN["tpu_like"][0][1])

    def test_origin_of_matrix_products(self):
        for name, energy, latency in (("gemm_l1", 511349.76, 8191.0), ("gemm_l1_l3", 19860090.88, 8194.0)):
            with self.subTest(name):
                found = self.asked("gemm_layer.yaml", name, name, **({"lpf_limit": 3} if name == "gemm_l1" else {}))
                self.close(found[0], energy)
                self.close(found[1], latency)

    def test_with_exploit_data_locality(self):
        self.networks(LOCALITY, exploit_data_locality=True)

    def test_with_mix_spatial_mapping(self):
        self.networks(MIXED, "_mixed", enable_mix_spatial_mapping=True)

    def test_in_memory_compute(self):
        for accelerator, (*figures, tclk, area) in IN_MEMORY.items():
            for network, (energy, latency) in zip(NETWORKS, figures):
                for call, options in ((get_hardware_performance_zigzag, {"in_memory_compute": True}),
                                      (get_hardware_performance_zigzag_imc, {})):
                    with self.subTest(accelerator=accelerator, network=network):
                        found = self.asked(network, accelerator, "default_imc", call, **options)
                        self.assertEqual(len(found), 5)
                        for value, wanted in zip(found, (energy, latency, tclk, area)):
                            self.close(value, wanted)
                        first = found[4][0][1][0][0]
                        self.assertEqual((first.tclk, first.area_total), (found[2], found[3]))


if __name__ == "__main__":
    unittest.main()
