"""``stream.visualization.memory_usage``."""
from ..scme import plot_memory_usage

__all__ = ["plot_memory_usage"]
