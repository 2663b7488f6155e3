"""The level loop: read what is there, decide, write what differs, say how it stands."""

from carillon_operator.reconciler.apply import Applier
from carillon_operator.reconciler.lookout import Lookout
from carillon_operator.reconciler.loop import Loop
from carillon_operator.reconciler.passes import Reconciler
from carillon_operator.reconciler.queue import Key, Queue
from carillon_operator.reconciler.scaling import Scaler

__all__ = ["Applier", "Key", "Lookout", "Loop", "Queue", "Reconciler", "Scaler"]
