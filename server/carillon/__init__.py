"""Call signaling that survives a lost socket, pod, network or rollout."""

__version__ = "0.1.0"
