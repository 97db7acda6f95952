"""Evaluations of schedules with the attributes that scripts for Stream read. Worked out when they are asked for."""
from __future__ import annotations

from functools import cached_property
from typing import Any, Optional

from ...scheduling import Schedule
from .._names import unsupported


class ComputationNode:
    """A computation node: what it is a part of, and when it runs where."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.name: str = data["layer"]
        self.id: int = data["id"]
        self.sub_id: int = data["sub_id"]
        self.group: int = data["group"]
        self.chosen_core_allocation: int = data["core"]
        self.core_allocation = [data["core"]]
        self.start: float = data["start"]
        self.end: float = data["end"]
        self.onchip_energy: float = data["energy"]

    @property
    def runtime(self) -> float:
        return self.end - self.start

    def get_start(self) -> float:
        return self.start

    def get_end(self) -> float:
        return self.end

    def get_runtime(self) -> float:
        return self.runtime

    def get_onchip_energy(self) -> float:
        return self.onchip_energy

    def __repr__(self) -> str:
        return f"ComputationNode{(self.id, self.sub_id)}"


class Workload:
    """The nodes, and which depend on which."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.name: str = data["workload"]
        self.node_list = [ComputationNode(node) for node in data["nodes"]]
        by_id: dict[Any, ComputationNode] = {(node.id, node.sub_id): node for node in self.node_list}
        self.edges = [(by_id[tuple(edge["from"])], by_id[tuple(edge["to"])], {"bits": edge["bits"]})
                      for edge in data["edges"]]

    @property
    def nodes(self) -> list[ComputationNode]:
        return self.node_list

    def number_of_nodes(self) -> int:
        return len(self.node_list)

    def __iter__(self) -> Any:
        return iter(self.node_list)

    def __len__(self) -> int:
        return len(self.node_list)

    def predecessors(self, node: ComputationNode) -> list[ComputationNode]:
        return [start for start, end, _ in self.edges if end is node]

    def successors(self, node: ComputationNode) -> list[ComputationNode]:
        return [end for start, end, _ in self.edges if start is node]

    def topological_sort(self) -> list[ComputationNode]:
        return sorted(self.node_list, key=lambda node: (node.start, node.id, node.sub_id))


class Accelerator:
    """The system: its name, links, and memories."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.name: str = data["accelerator"]
        self.links: list[dict[str, Any]] = data["links"]
        self.memories: list[dict[str, Any]] = data["memory"]

    @property
    def core_ids(self) -> list[int]:
        return sorted({entry["core"] for entry in self.memories})

    def __repr__(self) -> str:
        return f"Accelerator({self.name})"


class StreamCostModelEvaluation:
    """What a schedule costs: energies in pJ, latency in cycles.

    Attributes:
        schedule: the `ridgeline.Schedule` behind it.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    @property
    def _data(self) -> dict[str, Any]:
        return self.schedule.to_dict()

    def _cause(self, cause: str, part: str) -> float:
        return float(self._data["energy"]["by_cause"][cause][part])

    @property
    def energy(self) -> float:
        return self.schedule.energy

    @property
    def latency(self) -> float:
        return self.schedule.latency

    @property
    def edp(self) -> float:
        return self.energy * self.latency

    @cached_property
    def workload(self) -> Workload:
        return Workload(self._data)

    @cached_property
    def accelerator(self) -> Accelerator:
        return Accelerator(self._data)

    @property
    def scheduling_order(self) -> list[tuple[int, int]]:
        """Nodes as (layer id, sub id), in the order in which they were scheduled."""
        return [(layer, node) for layer, node in self._data["order"]]

    @property
    def max_memory_usage(self) -> int:
        """Bits that the memories of cores hold at most, the off-chip one included."""
        return max(int(entry["peak"]) for entry in self._data["memory"])

    @property
    def total_cn_onchip_energy(self) -> float:
        return float(self._data["energy"]["nodes_onchip"])

    @property
    def total_cn_offchip_link_energy(self) -> float:
        return self._cause("offchip", "link")

    @property
    def total_cn_offchip_memory_energy(self) -> float:
        return self._cause("offchip", "memory")

    @property
    def total_eviction_to_offchip_link_energy(self) -> float:
        return self._cause("eviction", "link")

    @property
    def total_eviction_to_offchip_memory_energy(self) -> float:
        return self._cause("eviction", "memory")

    @property
    def total_sink_layer_output_offchip_link_energy(self) -> float:
        return self._cause("output", "link")

    @property
    def total_sink_layer_output_offchip_memory_energy(self) -> float:
        return self._cause("output", "memory")

    @property
    def total_core_to_core_link_energy(self) -> float:
        return self._cause("core_to_core", "link")

    @property
    def total_core_to_core_memory_energy(self) -> float:
        return self._cause("core_to_core", "memory")

    def plot_schedule(self, plot_full_schedule: bool = False, draw_dependencies: bool = True,
                      plot_data_transfer: bool = False, section_start_percent: tuple[int, ...] = (0,),
                      percent_shown: tuple[int, ...] = (100,),
                      fig_path: str = "outputs/schedule_plot.png") -> None:
        """Draws which core runs which layer when, into a picture (needs matplotlib): all of it, or one section."""
        from ...plots import draw_schedule
        for name, value in (("section_start_percent", section_start_percent), ("percent_shown", percent_shown)):
            if len(value) != 1:
                raise unsupported("plot_schedule", name, value, "a picture shows one section")
        begin = 0 if plot_full_schedule else section_start_percent[0]
        end = 100 if plot_full_schedule else min(100, begin + percent_shown[0])
        data = dict(self._data)
        if not draw_dependencies:
            data["edges"] = []
        if not plot_data_transfer:
            data.update(transfers=[], blocks=[])
        draw_schedule(data, fig_path, begin, end)

    def plot_memory_usage(self, section_start_percent: tuple[int, ...] = (0,), percent_shown: tuple[int, ...] = (100,),
                          show_dependencies: bool = False, fig_path: str = "outputs/memory_usage_plot.png") -> None:
        """Draws how full the memories are over time, into a picture (needs matplotlib)."""
        from ...plots import draw_memory
        for name, value, plain in (("section_start_percent", tuple(section_start_percent), (0,)),
                                   ("percent_shown", tuple(percent_shown), (100,)),
                                   ("show_dependencies", show_dependencies, False)):
            if value != plain:
                raise unsupported("plot_memory_usage", name, value, "the whole schedule is drawn")
        draw_memory(self._data, fig_path, offchip=True)

    def trace(self, path: str) -> None:
        """Writes a trace for Perfetto."""
        self.schedule.trace(path)

    def __repr__(self) -> str:
        return f"StreamCostModelEvaluation(energy={self.energy}, latency={self.latency})"

    def __jsonrepr__(self) -> dict[str, Optional[float]]:
        return {"energy": self.energy, "latency": self.latency}


def convert_scme_to_perfetto_json(scme: StreamCostModelEvaluation, cost_lut: Any, json_path: str) -> None:
    """``stream.visualization.perfetto``: writes a trace for Perfetto. The costs of nodes are the evaluation's own."""
    if cost_lut is not None and not isinstance(cost_lut, CostModelEvaluationLUT):
        raise unsupported("convert_scme_to_perfetto_json", "cost_lut", cost_lut, "it is a CostModelEvaluationLUT, or None")
    scme.trace(json_path)


def plot_memory_usage(scme: StreamCostModelEvaluation, section_start_percent: tuple[int, ...] = (0,),
                      percent_shown: tuple[int, ...] = (100,), show_dependencies: bool = False,
                      fig_path: str = "outputs/memory_usage_plot.png") -> None:
    """``stream.visualization.memory_usage``: how full the memories are over time."""
    scme.plot_memory_usage(section_start_percent, percent_shown, show_dependencies, fig_path)


class CostModelEvaluationLUT:
    """``stream.utils.CostModelEvaluationLUT``: a stand-in for those who hand it on to the functions above. The costs of
    nodes are in the evaluation itself (`StreamCostModelEvaluation.schedule`)."""

    def __init__(self, cache_path: Optional[str] = None, load: bool = True) -> None:
        self.cache_path = cache_path

    def get_cme(self, *_: Any) -> Any:
        raise NotImplementedError("CostModelEvaluationLUT.get_cme: the costs of nodes on other cores are not kept")

    get_equal_node = get_nodes = get_cores = get_cme
