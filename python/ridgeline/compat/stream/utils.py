"""``stream.utils``."""
from .scme import CostModelEvaluationLUT

__all__ = ["CostModelEvaluationLUT"]
