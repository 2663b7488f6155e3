"""What `make run` adds to the server: the web client, and demo users with their tokens and presence."""

from carillon.demo.routes import demo_routes

__all__ = ["demo_routes"]
