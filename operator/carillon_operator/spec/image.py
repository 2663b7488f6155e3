"""Which image the server runs."""

from typing import Annotated, Literal

from msgspec import Meta

from carillon_operator.spec.declare import Part, about
from carillon_operator.spec.values import LocalName

Reference = Annotated[str, Meta(min_length=1, max_length=512, pattern=r"^[a-zA-Z0-9][-a-zA-Z0-9._/:@]*$")]
"""registry/repository:tag or registry/repository@sha256:…"""
PullPolicy = Literal["Always", "IfNotPresent", "Never"]


class Image(Part, frozen=True, kw_only=True):
    """The server's image."""

    reference: Annotated[Reference, about("The image, with tag or digest; absent: the one that the operator was released with.")] | None = (
        None
    )
    pull_policy: Annotated[PullPolicy, about("When the image is pulled.")] = "IfNotPresent"
    pull_secrets: Annotated[tuple[LocalName, ...], about("Secrets of private registries.", longest=16, keys=("name",))] = ()
