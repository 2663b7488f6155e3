"""The users of `make run`, and the secret that signs their tokens. Known to everybody: never where others can reach it."""

DEMO_SECRET = "carillon-demo-secret-for-this-machine-only"  # noqa: S105 - not a secret: it is printed here
DEMO_USERS = {"alice": "Alice", "bob": "Bob", "carol": "Carol", "dave": "Dave"}
"""User id to name."""
