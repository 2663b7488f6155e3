"""Who asks to be let in, by their token."""

import time
from collections.abc import Sequence

from carillon.auth import Authenticator, Identity, credentials
from carillon.errors import AuthError, Close, KeysUnavailable, TokenExpired
from carillon.ws.ports import Door, Refusal

Headers = list[tuple[bytes, bytes]]


async def identify(
    authenticator: Authenticator, door: Door, address: str, headers: Headers, subprotocols: Sequence[str], query: bytes
) -> Identity:
    """address: the client's, as `door` told. Raises Refusal."""
    try:
        found = credentials(headers, subprotocols, query)
        return await authenticator.authenticate(found.token, time.time())
    except KeysUnavailable as error:
        raise Refusal(503, str(error), Close.TRY_AGAIN, error.retry_after) from None
    except AuthError as error:
        door.refused(address)
        code = Close.TOKEN_EXPIRED if isinstance(error, TokenExpired) else Close.UNAUTHORIZED
        raise Refusal(401, str(error), code) from None
