"""Builders of everything that a SignalingCluster makes: pure, one file per kind of child."""

from carillon_operator.resources.desired import desired, unserved
from carillon_operator.resources.endpoint import endpoint
from carillon_operator.resources.inputs import ROLLING, Cluster, Defaults, Object, Observed
from carillon_operator.resources.secrets import generated, new_secret
from carillon_operator.resources.template import revision

__all__ = ["ROLLING", "Cluster", "Defaults", "Object", "Observed", "desired", "endpoint", "generated", "new_secret", "revision", "unserved"]
