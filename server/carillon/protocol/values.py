"""What messages are made of."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

SUBPROTOCOL = "carillon.v1"
BEARER_PREFIX = "bearer."
DATA_BYTES = 1024
"""Largest `data` of `call.start`, in bytes of UTF-8; it must fit a push beside everything else."""

UserId = Annotated[str, Meta(min_length=1, max_length=256, description="User id: the token's `hash` claim.")]
SessionId = Annotated[str, Meta(min_length=1, max_length=64, description="Id of the call, given by the server.")]
DeviceToken = Annotated[str, Meta(max_length=4096, description="FCM registration token or APNs VoIP token of the callee's device.")]
Sdp = Annotated[str, Meta(min_length=1, description="Session description.")]
Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Media = Literal["audio", "video"]
Role = Literal["offer", "answer"]
By = Literal["socket", "push", "failed"]


class UserInfo(Struct, frozen=True, omit_defaults=True):
    """A user as others see them: claims of their token. Nothing here is ever fetched."""

    user_id: str
    name: Annotated[str, Meta(description="Claim `name`.")] = ""
    username: Annotated[str, Meta(description="Claim `username`.")] = ""
    image_profile: Annotated[str, Meta(description="Claim `image_profile`: an address or whatever your apps take it for.")] = ""
