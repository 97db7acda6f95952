"""Cost model evaluations with the attributes that scripts for ZigZag read. Worked out when they are asked for."""
from __future__ import annotations

import json
import math
from functools import cached_property
from typing import Any, Iterator, Mapping, Optional, Union

from .._names import DataDict, LayerDim, LayerOperand, MemoryOperand, OADimension

DIRECTIONS = ("rd_out_to_low", "wr_in_by_low", "rd_out_to_high", "wr_in_by_high")


class FourWayDataMoving:
    """A figure for each direction of data at a memory, as the memory sees it."""

    __slots__ = DIRECTIONS

    def __init__(self, rd_out_to_low: float, wr_in_by_low: float, rd_out_to_high: float, wr_in_by_high: float) -> None:
        self.rd_out_to_low = rd_out_to_low
        self.wr_in_by_low = wr_in_by_low
        self.rd_out_to_high = rd_out_to_high
        self.wr_in_by_high = wr_in_by_high

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "FourWayDataMoving":
        return cls(*(entry[name] for name in DIRECTIONS))

    def __iter__(self) -> Iterator[float]:
        return (getattr(self, name) for name in DIRECTIONS)

    def __add__(self, other: "FourWayDataMoving") -> "FourWayDataMoving":
        return FourWayDataMoving(*(a + b for a, b in zip(self, other)))

    def __mul__(self, factor: float) -> "FourWayDataMoving":
        return FourWayDataMoving(*(a * factor for a in self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FourWayDataMoving) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"FourWayDataMoving({', '.join(f'{name}={getattr(self, name)}' for name in DIRECTIONS)})"

    @property
    def total_energy(self) -> float:
        return sum(self)

    def get_total(self) -> float:
        return sum(self)

    def to_dict(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in DIRECTIONS}

    __jsonrepr__ = to_dict


class LayerNode:
    """The layer: name, id, type, equation, sizes, operands, precisions and links."""

    def __init__(self, name: str, operator: str, description: Mapping[str, Any], spatial: Mapping[str, Any]) -> None:
        self.name = name
        self.type = operator
        self.id: int = description["id"]
        self.equation: str = description["equation"]
        self.equation_relations: list[str] = list(description["relations"])
        self.layer_dim_sizes = DataDict({LayerDim(d): size for d, size in description["dims"].items()})
        self.layer_dims = list(self.layer_dim_sizes)
        self.operand_precision = DataDict({LayerOperand(o): bits for o, bits in description["precision"].items()})
        self.memory_operand_links = DataDict({LayerOperand(o): MemoryOperand(m)
                                              for o, m in description["links"].items()})
        self.layer_operands = list(self.memory_operand_links)
        self.output_operand = self.layer_operands[0]
        self.input_operands = self.layer_operands[1:]
        self.constant_operands = [LayerOperand(o) for o in description["constant_operands"]]
        self.input_operand_source = {LayerOperand(o): node for o, node in description["sources"].items()}
        self.spatial_mapping = DataDict({OADimension(array): DataDict({LayerDim(d): n for d, n in loops.items()})
                                         for array, loops in spatial.items()})

    @property
    def total_mac_count(self) -> int:
        count = 1
        for size in self.layer_dim_sizes.values():
            count *= size
        return count

    def __str__(self) -> str:
        return f"LayerNode({self.name})"

    def __repr__(self) -> str:
        return str(self)

    def __jsonrepr__(self) -> dict[str, Any]:
        return {"name": self.name, "type": self.type, "equation": self.equation,
                "equation_relations": self.equation_relations, "loop_dimensions": dict(self.layer_dim_sizes),
                "operand_precision": dict(self.operand_precision),
                "user_spatial_mapping": {array: dict(loops) for array, loops in self.spatial_mapping.items()},
                "memory_operand_links": dict(self.memory_operand_links)}


class MemoryInstance:
    """A memory: name, size in bits, costs in pJ an access, area."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.name: str = data["name"]
        self.size: int = data["size"]
        self.r_cost: float = data["r_cost"]
        self.w_cost: float = data["w_cost"]
        self.area: float = data["area"]
        self.ports: list[dict[str, Any]] = list(data["ports"])

    def __repr__(self) -> str:
        return f"MemoryInstance({self.name})"


class MemoryLevel:
    """A memory in the hierarchy: what it holds, and which array dimensions it serves."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.memory_instance = MemoryInstance(data)
        self.name = self.memory_instance.name
        self.operands = [MemoryOperand(o) for o in data["operands"]]
        self.served_dimensions = [OADimension(d) for d in data["served_dimensions"]]
        self.unroll_count: int = data["instances"]

    def __str__(self) -> str:
        served = "{" + ", ".join(self.served_dimensions) + "}" if self.served_dimensions else "set()"
        return f"MemoryLevel(instance={self.name},operands=[{', '.join(self.operands)}], served_dimensions={served})"

    def __repr__(self) -> str:
        return str(self)


class Accelerator:
    """The accelerator: name, array and memories, innermost first."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.name: str = data["name"]
        self.core_id = 0
        array = data["operational_array"]
        self.operational_array = {"operational_unit": {"energy_cost": array["unit_energy"], "area": array["unit_area"]},
                                  "dimensions": dict(array["dims"])}
        self.memory_hierarchy = [MemoryLevel(memory) for memory in data["memories"]]

    @property
    def mem_hierarchy_dict(self) -> dict[MemoryOperand, list[MemoryLevel]]:
        levels: dict[MemoryOperand, list[MemoryLevel]] = {}
        for level in self.memory_hierarchy:
            for operand in level.operands:
                levels.setdefault(operand, []).append(level)
        return levels

    @property
    def mem_size_dict(self) -> dict[MemoryOperand, list[int]]:
        return {operand: [level.memory_instance.size for level in levels]
                for operand, levels in self.mem_hierarchy_dict.items()}

    @property
    def mem_sharing_list(self) -> list[dict[MemoryOperand, int]]:
        """Memories that several operands share: the level that each is of each of them."""
        shared: dict[str, dict[MemoryOperand, int]] = {}
        hierarchy = self.mem_hierarchy_dict
        for levels in hierarchy.values():
            for level in levels:
                if len(level.operands) > 1:
                    shared.setdefault(level.name, {operand: hierarchy[operand].index(level)
                                                   for operand in sorted(level.operands)})
        return list(shared.values())

    def get_memory_level(self, operand: str, level: int) -> MemoryLevel:
        return self.mem_hierarchy_dict[MemoryOperand(operand)][level]

    def __repr__(self) -> str:
        return f"Accelerator({self.name})"

    def __jsonrepr__(self) -> dict[str, Any]:
        return {"id": self.core_id, "name": self.name, "operational_array": self.operational_array,
                "memory_hierarchy": [str(level) for level in self.memory_hierarchy],
                "mem_hierarchy_dict": {operand: [str(level) for level in levels]
                                       for operand, levels in self.mem_hierarchy_dict.items()},
                "dataflows": None, "mem_size_dict": self.mem_size_dict, "mem_sharing_list": self.mem_sharing_list}


class LoopMapping:
    """Loops by operand and level, innermost first, as pairs (dimension, size)."""

    def __init__(self, loops: Mapping[str, list[list[tuple[str, float]]]]) -> None:
        self.mapping_dic_stationary = {LayerOperand(o): [[(LayerDim(d), n) for d, n in level] for level in levels]
                                       for o, levels in loops.items()}
        self.mapping_dict_origin = self.mapping_dic_stationary
        self.data = self.mapping_dic_stationary

    def __getitem__(self, operand: str) -> Any:
        return self.mapping_dic_stationary[LayerOperand(operand)]

    def __iter__(self) -> Iterator[LayerOperand]:
        return iter(self.mapping_dic_stationary)

    def items(self) -> Any:
        return self.mapping_dic_stationary.items()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LoopMapping) and self.data == other.data

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return str(self.__jsonrepr__())

    def __jsonrepr__(self) -> dict[str, list[list[str]]]:
        return {o: [[f"({d}, {n:g})" if isinstance(n, float) else f"({d}, {n})" for d, n in level] for level in levels]
                for o, levels in self.mapping_dic_stationary.items()}


class Mapping_:
    """Both mappings of a layer."""

    def __init__(self, spatial: LoopMapping, temporal: LoopMapping) -> None:
        self.spatial_mapping = spatial
        self.temporal_mapping = temporal


def _levels_added(a: list[Any], b: list[Any]) -> list[Any]:
    both = min(len(a), len(b))
    return [x + y for x, y in zip(a, b)] + a[both:] + b[both:]


def _added(a: Mapping[Any, list[Any]], b: Mapping[Any, list[Any]]) -> dict[Any, list[Any]]:
    return {key: _levels_added(a.get(key, []), b.get(key, [])) for key in dict.fromkeys([*a, *b])}


class CostModelEvaluationABC:
    """What evaluations of layers and their sums have in common: energies in pJ, latencies in cycles."""

    mac_energy: float
    mem_energy: float
    energy_total: float
    mem_energy_breakdown: dict[LayerOperand, list[float]]
    mem_energy_breakdown_further: dict[LayerOperand, list[FourWayDataMoving]]
    memory_word_access: dict[LayerOperand, list[FourWayDataMoving]]
    ideal_cycle: float
    ideal_temporal_cycle: float
    latency_total0: float
    latency_total1: float
    latency_total2: float
    accelerator: Optional[Accelerator]

    _SUMS = ("mac_energy", "mem_energy", "energy_total", "ideal_cycle", "ideal_temporal_cycle", "latency_total0",
             "latency_total1", "latency_total2")
    _LEVELS = ("mem_energy_breakdown", "mem_energy_breakdown_further", "memory_word_access")

    @property
    def mac_spatial_utilization(self) -> float:
        return self.ideal_cycle / self.ideal_temporal_cycle

    @property
    def mac_utilization0(self) -> float:
        return self.ideal_cycle / self.latency_total0

    @property
    def mac_utilization1(self) -> float:
        return self.ideal_cycle / self.latency_total1

    @property
    def mac_utilization2(self) -> float:
        return self.ideal_cycle / self.latency_total2

    def __add__(self, other: "CostModelEvaluationABC") -> "CumulativeCME":
        if not isinstance(other, CostModelEvaluationABC):
            return NotImplemented
        result = CumulativeCME()
        for name in self._SUMS:
            setattr(result, name, getattr(self, name) + getattr(other, name))
        for name in self._LEVELS:
            setattr(result, name, _added(getattr(self, name), getattr(other, name)))
        result.accelerator = self.accelerator or other.accelerator
        return result

    def __radd__(self, other: Any) -> "CostModelEvaluationABC":
        """`sum` begins with 0."""
        if other == 0:
            return self
        raise TypeError(f"an evaluation and {other!r} do not add up")

    def __mul__(self, number: Union[int, float]) -> "CumulativeCME":
        result = CumulativeCME()
        for name in self._SUMS:
            setattr(result, name, getattr(self, name) * number)
        for name in self._LEVELS:
            setattr(result, name, {operand: [level * number for level in levels]
                                   for operand, levels in getattr(self, name).items()})
        result.accelerator = self.accelerator
        return result

    __rmul__ = __mul__

    def __simplejsonrepr__(self) -> dict[str, float]:
        return {"energy": self.energy_total, "latency": self.latency_total2}

    def _outputs(self) -> dict[str, Any]:
        return {
            "memory": {"word_accesses": {o: [level.to_dict() for level in levels]
                                         for o, levels in self.memory_word_access.items()}},
            "energy": {"energy_total": self.energy_total, "operational_energy": self.mac_energy,
                       "memory_energy": self.mem_energy,
                       "memory_energy_breakdown_per_level": dict(self.mem_energy_breakdown),
                       "memory_energy_breakdown_per_level_per_operand": {
                           o: [level.to_dict() for level in levels]
                           for o, levels in self.mem_energy_breakdown_further.items()}},
            "latency": {"data_onloading": self.latency_total1 - self.latency_total0, "computation": self.latency_total0,
                        "data_offloading": self.latency_total2 - self.latency_total1},
            "spatial": {"mac_utilization": {"ideal": self.mac_spatial_utilization, "stalls": self.mac_utilization0,
                                            "stalls_onloading": self.mac_utilization1,
                                            "stalls_onloading_offloading": self.mac_utilization2}},
        }

    def __jsonrepr__(self) -> dict[str, Any]:
        return {"outputs": self._outputs()}


class CumulativeCME(CostModelEvaluationABC):
    """A sum of evaluations."""

    def __init__(self) -> None:
        for name in self._SUMS:
            setattr(self, name, 0)
        for name in self._LEVELS:
            setattr(self, name, {})
        self.accelerator = None

    def __repr__(self) -> str:
        return f"CumulativeCME(energy={self.energy_total}, latency={self.latency_total2})"


class CostModelEvaluation(CostModelEvaluationABC):
    """What one layer costs on the accelerator, under one mapping."""

    def __init__(self, data: Mapping[str, Any], accelerator: Accelerator,
                 circuit: Optional[Mapping[str, float]] = None) -> None:
        self._data = dict(data)
        self._circuit = circuit
        self.accelerator = accelerator

    def __repr__(self) -> str:
        return f"CostModelEvaluation({self._data['name']}, core {self.core_id})"

    @property
    def core_id(self) -> int:
        return 0

    @cached_property
    def layer(self) -> LayerNode:
        return LayerNode(self._data["name"], self._data["operator"], self._data["layer"],
                         self._data["mapping"]["spatial"])

    # --- Energy.

    @property
    def energy_total(self) -> float:  # type: ignore[override]
        return float(self._data["energy"]["total"])

    @property
    def mac_energy(self) -> float:  # type: ignore[override]
        return float(self._data["energy"]["mac"])

    @cached_property
    def mem_energy(self) -> float:  # type: ignore[override]
        return sum(sum(levels) for levels in self.mem_energy_breakdown.values())

    @cached_property
    def mem_energy_breakdown_further(self) -> dict[LayerOperand, list[FourWayDataMoving]]:  # type: ignore[override]
        return self._four_ways("energy", self._data["energy"]["memory"])

    @cached_property
    def mem_energy_breakdown(self) -> dict[LayerOperand, list[float]]:  # type: ignore[override]
        return {operand: [sum(level) for level in levels]
                for operand, levels in self.mem_energy_breakdown_further.items()}

    @cached_property
    def memory_word_access(self) -> dict[LayerOperand, list[FourWayDataMoving]]:  # type: ignore[override]
        return self._four_ways("accesses", self._data["accesses"])

    @staticmethod
    def _four_ways(_: str, figures: Mapping[str, Any]) -> dict[LayerOperand, list[FourWayDataMoving]]:
        return {LayerOperand(o): [FourWayDataMoving.of(level) for level in levels] for o, levels in figures.items()}

    @cached_property
    def mem_utili_shared(self) -> dict[LayerOperand, list[float]]:
        return {LayerOperand(o): [level["all"] for level in levels] for o, levels in self._data["occupancy"].items()}

    @cached_property
    def mem_utili_individual(self) -> dict[LayerOperand, list[float]]:
        return {LayerOperand(o): [level["operand"] for level in levels]
                for o, levels in self._data["occupancy"].items()}

    # --- Latency.

    def _latency(self, name: str) -> float:
        return float(self._data["latency"][name])

    @property
    def ideal_cycle(self) -> float:  # type: ignore[override]
        return self._latency("ideal")

    @property
    def ideal_temporal_cycle(self) -> float:  # type: ignore[override]
        return self._latency("ideal_temporal")

    @property
    def stall_slack_comb(self) -> float:
        return self._latency("stall")

    @property
    def data_onloading_cycle(self) -> float:
        return self._latency("onload")

    @property
    def data_offloading_cycle(self) -> float:
        return self._latency("offload")

    @property
    def latency_total0(self) -> float:  # type: ignore[override]
        return self._latency("compute")

    @property
    def latency_total1(self) -> float:  # type: ignore[override]
        return self.latency_total0 + self.data_onloading_cycle

    @property
    def latency_total2(self) -> float:  # type: ignore[override]
        return self._latency("total")

    # --- Mapping.

    def _loops(self, name: str, first: int) -> LoopMapping:
        return LoopMapping({operand: [[(d, n) for d, n in level[name]] for level in levels[first:]]
                            for operand, levels in self._data["levels"].items()})

    @cached_property
    def spatial_mapping(self) -> LoopMapping:
        """Unrolled loops: entry 0 below the first memory, entry m + 1 above memory m."""
        return self._loops("spatial", 0)

    @property
    def spatial_mapping_int(self) -> LoopMapping:
        return self.spatial_mapping

    @cached_property
    def temporal_mapping(self) -> LoopMapping:
        """Temporal loops by memory level, irrelevant ones where they have sunk to."""
        return self._loops("temporal", 1)

    @property
    def mapping(self) -> Mapping_:
        return Mapping_(self.spatial_mapping, self.temporal_mapping)

    @property
    def loop_order(self) -> list[tuple[LayerDim, int]]:
        """Temporal loops, innermost first."""
        return [(LayerDim(loop["dim"]), loop["size"]) for loop in self._data["mapping"]["temporal"]]

    def loop_ordering(self) -> str:
        """The loop nest as a text, outermost loop first, with the memory that holds each operand at each loop."""
        operands = list(self.layer.layer_operands)
        width = 37 + 13 * len(operands)
        single, double = "-" * width, "=" * width
        head = "Temporal Loops".ljust(37) + "".join(o.ljust(13) for o in operands)
        lines = [f"Loop ordering for {self.layer.name}", double, head, double]
        loops = list(reversed(self._data["mapping"]["temporal"]))
        for depth, loop in enumerate(loops):
            text = f"{'  ' * depth}for {loop['dim']} in [0, {loop['size']}):"
            lines += [text.ljust(37) + "".join(loop["memory"][o].ljust(13) for o in operands), single]
        lines += [double, "Spatial Loops".ljust(width), double]
        spatial = [loop for level in self.spatial_mapping[self.layer.output_operand] for loop in level]
        for dim, factor in reversed(spatial):
            lines += [f"{'  ' * len(loops)}parfor {dim} in [0, {factor}):".ljust(width), single]
        return "\n".join(lines) + "\n"

    # --- Ports and bandwidths.

    @property
    def stall_slack_comb_collect(self) -> list[dict[str, float]]:
        """Of each memory, innermost first: cycles of stall (+) or slack (-) of each of its ports."""
        memories: dict[str, dict[str, float]] = {}
        for port in self._data["port_balance"]:
            memories.setdefault(port["memory"], {})[port["port"]] = port["stall_or_slack"]
        return list(memories.values())

    @property
    def systolic_drain_cycle(self) -> float:
        """Cycles until the last results have left a systolic array; part of what off-loading takes."""
        return float(self._data["drain"])

    def get_inst_bandwidth(self, memory_level: MemoryLevel, scaling: float = 1,
                           memory_operand: Optional[str] = None) -> FourWayDataMoving:
        """Bits a cycle that a memory needs while data move, for one memory operand or all, its rates multiplied by
        `scaling`; with what loading borrows from the computation phase. 0 for a memory that this layer does not use."""
        total = [0, 0, 0, 0]
        # As there: loading counts as written from above where the memory holds outputs too.
        borrowed = DIRECTIONS.index("wr_in_by_high" if "O" in memory_level.operands else "rd_out_to_low")
        cycles = self._data["cycles_per_operation"]
        for operand, levels in self._data["levels"].items():
            if memory_operand is not None and self.layer.memory_operand_links[operand] != memory_operand:
                continue
            for level in levels[1:]:
                if level["memory"] != memory_level.name:
                    continue
                for place, direction in enumerate(DIRECTIONS):
                    total[place] += math.ceil(level["bandwidth"][direction] * scaling / cycles)
                total[borrowed] += sum(math.ceil(load * scaling) for load in level["loading"])
        return FourWayDataMoving(*total)

    def get_total_inst_bandwidth(self, memory_level: MemoryLevel, scaling: float = 1) -> FourWayDataMoving:
        """The same of all memory operands."""
        return self.get_inst_bandwidth(memory_level, scaling)

    def _imc(self, name: str) -> float:
        if self._circuit is None:
            raise AttributeError(f"{name} is a figure of in-memory-computing arrays, and this array is none")
        return float(self._circuit[name])

    @property
    def tclk(self) -> float:
        """Clock period, ns."""
        return self._imc("tclk")

    @property
    def area_total(self) -> float:
        """Of array and memories, mm^2."""
        return self._imc("area_total")

    @property
    def imc_area(self) -> float:
        """Of the array, mm^2."""
        return self._imc("imc_area")

    @property
    def mem_area(self) -> float:
        """Of the memories, mm^2."""
        return self._imc("mem_area")

    def __jsonrepr__(self) -> dict[str, Any]:
        outputs = self._outputs()
        outputs["memory"] = {"utilization": dict(self.mem_utili_shared), **outputs["memory"]}
        outputs["latency"] = {"data_onloading": self.data_onloading_cycle, "computation": self.latency_total0,
                              "data_offloading": self.data_offloading_cycle}
        return {"outputs": outputs,
                "inputs": {"accelerator": self.accelerator.__jsonrepr__() if self.accelerator else None,
                           "layer": self.layer.__jsonrepr__(),
                           "spatial_mapping": self.spatial_mapping.__jsonrepr__(),
                           "temporal_mapping": self.temporal_mapping.__jsonrepr__()}}


def dumps(cme: CostModelEvaluationABC) -> str:
    """An evaluation as the JSON text of the reference's dump folder."""
    return json.dumps(cme.__jsonrepr__(), indent=4)
