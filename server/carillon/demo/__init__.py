"""What `make run` adds to the server: demo users, their tokens, and a page on which two tabs call each other."""

from carillon.demo.routes import demo_routes

__all__ = ["demo_routes"]
