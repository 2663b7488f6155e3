"""Call signaling that survives a lost socket, pod, network or rollout."""
