"""Kinds of values that several parts of the resource share."""

from typing import Annotated

from msgspec import Meta

from carillon_operator.spec.declare import Part, about

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?([KMGTPE]i?|m|k)?$"

Quantity = Annotated[int, Meta(ge=0, le=2**53)] | Annotated[str, Meta(max_length=32, pattern=QUANTITY)]
"""A Kubernetes quantity: 500m, 256Mi."""
CountOrPercent = Annotated[int, Meta(ge=0, le=1000)] | Annotated[str, Meta(max_length=4, pattern=r"^(100|[0-9]{1,2})%$")]
Name = Annotated[str, Meta(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN)]
"""The name of an object, as most kinds take it (RFC 1123 subdomain)."""
DataKey = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
"""A key of a Secret or ConfigMap."""
Text = Annotated[str, Meta(max_length=1024)]
LabelValue = Annotated[str, Meta(max_length=63)]
Labels = Annotated[dict[str, LabelValue], Meta(max_length=64)]
Annotations = Annotated[dict[str, Annotated[str, Meta(max_length=4096)]], Meta(max_length=64)]
RateText = Annotated[str, Meta(min_length=3, max_length=16, pattern=r"^(off|[1-9][0-9]{0,8}/[1-9][0-9]{0,3})$")]
"""COUNT/SECONDS, or off."""


class SecretKey(Part, frozen=True, kw_only=True):
    """One key of a Secret in the resource's own namespace."""

    name: Annotated[Name, about("Name of the Secret.")]
    key: Annotated[DataKey, about("Key inside the Secret.")]


class LocalName(Part, frozen=True, kw_only=True):
    """An object in the resource's own namespace."""

    name: Annotated[Name, about("Name of the object.")]
