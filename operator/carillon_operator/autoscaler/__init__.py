"""How many pods the load needs. Values in, values out; whoever calls keeps the history and writes `/scale`."""

from carillon_operator.autoscaler.decide import decide, victims
from carillon_operator.autoscaler.model import DELETION_COST, Decision, History, Sample, Scale

__all__ = ["DELETION_COST", "Decision", "History", "Sample", "Scale", "decide", "victims"]
