"""docs/protocol.md and docs/asyncapi.yaml, from the types themselves.

python -m carillon.spec write     from the project's root; a test holds both files to it
"""

import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml
from msgspec import UNSET, Raw, Struct

from carillon import __version__, protocol
from carillon.errors import ERRORS, Close

TITLE = "Carillon signaling"
Message = type[Struct]
VALUES: tuple[type[Struct], ...] = (protocol.UserInfo, protocol.CurrentCall, protocol.IceServer, protocol.Bounds)


def name_of(message: Message) -> str:
    return str(message.__struct_config__.tag)


def payload_of(message: Message) -> Any:
    """The payload's type; for relayed messages the shape that is checked."""
    checked = getattr(message, "checked", None)
    return checked or message.__annotations__["payload"]


def tables(messages: tuple[Message, ...]) -> list[str]:
    lines = []
    for message in messages:
        lines += ["", f"### `{name_of(message)}`", "", _doc(message), *_table(payload_of(message))]
    return lines


def _doc(kind: type[Struct]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _table(kind: type[Struct]) -> list[str]:
    fields = msgspec.structs.fields(kind)
    rows = [f"| `{field.encode_name}` | {_type(field.type)} | {_remark(field)} |" for field in fields]
    return ["", "| field | type | |", "|---|---|---|", *rows] if rows else []


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template="{name}")
    return schema


def _type(kind: Any) -> str:
    return _words(_schema(kind))


def _words(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_words(one) for one in schema["anyOf"])
    if "$ref" in schema:
        return f"[{schema['$ref']}](#{str(schema['$ref']).lower()})"
    if "allOf" in schema:
        return " and ".join(_words(one) for one in schema["allOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_words(schema['items'])}"
    longest = f", at most {schema['maxLength']} characters" if "maxLength" in schema else ""
    return str(schema.get("type", "any")) + longest


def _remark(field: msgspec.structs.FieldInfo) -> str:
    schema = _schema(field.type)
    told = [one.get("description", "") for one in [schema, *schema.get("anyOf", [])]]
    text = next((one for one in told if one), "")
    return text if field.required else f"Optional. {text}".strip()


def protocol_page(template: str) -> str:
    """The hand-written part, then every message, error and close code."""
    lines = [template.rstrip(), "", "## Messages from clients"]
    lines += tables(get_args(protocol.ClientMessage))
    lines += [
        "",
        "## Messages to clients",
        "",
        "`session.*`, `ack`, `call.alerting`, `call.missed`, `server.*` and `token.*` go to v1 clients only.",
    ]
    lines += tables(get_args(protocol.ServerMessage))
    lines += ["", "## Objects in messages"]
    for kind in VALUES:
        lines += ["", f"### {kind.__name__}", "", _doc(kind), *_table(kind)]
    lines += ["", "## Error codes", "", "| code | a reference client gets | may a retry help | |", "|---|---|---|---|"]
    for code, spec in ERRORS.items():
        lines.append(f"| `{code.value}` | `{spec.reference.value}` | {'yes' if spec.retryable else 'no'} | {spec.meaning} |")
    lines += ["", "## Close codes", "", "| code | reason | may a retry help | |", "|---|---|---|---|"]
    for close in sorted(Close.all()):
        lines.append(f"| {int(close)} | {close.reason} | {'yes' if close.retryable else 'no'} | {close.meaning} |")
    return "\n".join(lines) + "\n"


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0: one channel, what clients send and what they get."""
    incoming: tuple[Message, ...] = get_args(protocol.ClientMessage)
    outgoing: tuple[Message, ...] = get_args(protocol.ServerMessage)
    payloads = [payload_of(message) for message in (*incoming, *outgoing)]
    schemas, components = msgspec.json.schema_components(payloads, ref_template="#/components/schemas/{name}")
    messages = {}
    for message, schema in zip((*incoming, *outgoing), schemas, strict=True):
        properties: dict[str, Any] = {"type": {"const": name_of(message)}, "payload": schema}
        for extra in ("seq", "n"):
            if extra in message.__annotations__:
                properties[extra] = {"type": "integer", "minimum": 0}
        default = next(field.default for field in msgspec.structs.fields(message) if field.name == "payload")
        messages[name_of(message)] = {
            "name": name_of(message),
            "summary": _doc(message),
            "contentType": "application/json",
            "payload": {
                "type": "object",
                "required": ["type", "payload"] if default in (UNSET, msgspec.NODEFAULT) or payload_of(message) is Raw else ["type"],
                "properties": properties,
            },
        }

    def operation(action: str, of: tuple[Message, ...]) -> dict[str, Any]:
        refs = [{"$ref": f"#/channels/ws/messages/{name_of(message)}"} for message in of]
        return {"action": action, "channel": {"$ref": "#/channels/ws"}, "messages": refs}

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": __version__,
            "license": {"name": "MIT"},
            "description": "See protocol.md for what the types cannot say.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "ws": {
                "address": "/ws",
                "description": "One WebSocket per user; the subprotocol carillon.v1 makes a v1 client.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {"fromClients": operation("receive", incoming), "toClients": operation("send", outgoing)},
        "components": {"messages": messages, "schemas": components},
    }


def generated(root: Path) -> dict[Path, str]:
    """What the files must contain."""
    page = protocol_page((root / "docs/templates/protocol.md").read_text())
    return {
        root / "docs/protocol.md": page,
        root / "docs/asyncapi.yaml": yaml.safe_dump(asyncapi(), sort_keys=False, width=120, allow_unicode=True),
    }


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit("usage: python -m carillon.spec write")
    for path, text in generated(Path.cwd()).items():
        path.write_text(text)
