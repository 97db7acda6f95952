"""The calls of ZigZag (``zigzag.api``)."""
from .api import get_hardware_performance_zigzag, get_hardware_performance_zigzag_imc

__all__ = ["get_hardware_performance_zigzag", "get_hardware_performance_zigzag_imc"]
