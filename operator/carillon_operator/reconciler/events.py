"""Events, as `kubectl describe` shows them."""

import contextlib
import logging
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from carillon_operator.kube import ApiError, Client, Conflict, Unreachable
from carillon_operator.kube.kinds import EVENT, RESOURCE
from carillon_operator.resources import Object
from carillon_operator.resources.metadata import MANAGER
from carillon_operator.status import Event

log = logging.getLogger(__name__)

LONGEST = 1024
"""Bytes of a note, as Kubernetes bounds it."""


async def tell(client: Client, identity: str, resource: Object, events: Iterable[Event], now: float) -> None:
    """One that is not taken is logged and forgotten: the condition says the same."""
    about = resource["metadata"]
    for one in events:
        note = one.message.encode()[:LONGEST].decode(errors="ignore")
        found = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": f"{about['name']}.{secrets.token_hex(8)}", "namespace": about["namespace"]},
            "eventTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": f"carillon.dev/{MANAGER}",
            "reportingInstance": identity[:128],
            "action": "Reconcile",
            "type": one.type,
            "reason": one.reason,
            "note": note,
            "regarding": {
                "apiVersion": RESOURCE.api_version,
                "kind": RESOURCE.kind,
                "namespace": about["namespace"],
                "name": about["name"],
                "uid": about["uid"],
                "resourceVersion": about["resourceVersion"],
            },
        }
        log.log(
            logging.WARNING if one.type == "Warning" else logging.INFO, "%s/%s %s: %s", about["namespace"], about["name"], one.reason, note
        )
        try:
            # A conflict is an earlier attempt of this call, whose answer was lost: nobody else takes that name.
            with contextlib.suppress(Conflict):
                await client.create(found, EVENT)
        except (ApiError, Unreachable) as failure:
            log.warning("the event %s was not taken: %s", one.reason, failure)
