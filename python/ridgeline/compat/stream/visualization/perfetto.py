"""``stream.visualization.perfetto``."""
from ..scme import convert_scme_to_perfetto_json

__all__ = ["convert_scme_to_perfetto_json"]
