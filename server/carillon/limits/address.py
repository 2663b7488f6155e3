"""Whom a connection comes from, where proxies stand in between."""

import ipaddress
from collections.abc import Sequence

from carillon.config import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The client's address as limits count it: IPv4, or the /64 of IPv6 (one customer has many addresses in it).

    forwarded: X-Forwarded-For. It is read from the right, past proxies that are trusted, to the first address that is not; what stands
    left of that one anybody could have written. A header that cannot be read ends at the last address that could.
    """
    address = parse(peer)
    if address is None:
        return peer
    for hop in reversed(forwarded.split(",")) if forwarded else ():
        if not any(address in network for network in trusted if network.version == address.version):
            break
        found = parse(hop.strip())
        if found is None:
            break
        address = found
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)


def parse(text: str) -> Address | None:
    """An address, alone, with a port, or in brackets; IPv4 mapped into IPv6 becomes IPv4. None for anything else."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
