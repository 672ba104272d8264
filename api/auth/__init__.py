"""Who is asking, and what they may do."""

from api.auth.access import Person, Role, Visit, author_of, require, role_in, visitor

__all__ = ["Person", "Role", "Visit", "author_of", "require", "role_in", "visitor"]
