"""The operator of Carillon: declare a SignalingCluster, get a running service."""
