"""Who a connection is: tokens, where they are carried, and the keys that vouch for them."""

from carillon.auth.authenticator import Authenticator, Identity
from carillon.auth.credentials import Credentials, credentials

__all__ = ["Authenticator", "Credentials", "Identity", "credentials"]
