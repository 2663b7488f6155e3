"""The one typed model of a SignalingCluster: the CRD, the decoder and the reference documentation follow from it."""

from carillon_operator.spec.checks import problems
from carillon_operator.spec.cluster import API_VERSION, GROUP, KIND, PLURAL, VERSION, SignalingCluster, Spec, decode
from carillon_operator.spec.status import Condition, Status

__all__ = ["API_VERSION", "GROUP", "KIND", "PLURAL", "VERSION", "Condition", "SignalingCluster", "Spec", "Status", "decode", "problems"]
