"""The wire protocol: every message as a type, one decoder, one encoder.

The envelope is `{type, payload, seq?, n?}` (`seq` and `n` for clients of `carillon.v1` only). WebRTC payloads are kept as the
bytes that came and leave as the same bytes, unknown fields included. `docs/protocol.md` and `docs/asyncapi.yaml` are generated
from these types: their docstrings and annotations are the documentation.
"""

# The package is the sum of its modules, whose names all differ: to list them here would be to write them twice.
from carillon.protocol.client import *  # noqa: F403
from carillon.protocol.codec import *  # noqa: F403
from carillon.protocol.server import *  # noqa: F403
from carillon.protocol.values import *  # noqa: F403
