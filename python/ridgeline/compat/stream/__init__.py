"""The calls of Stream (``stream.api``)."""
from .api import optimize_allocation_co, optimize_allocation_ga

__all__ = ["optimize_allocation_co", "optimize_allocation_ga"]
