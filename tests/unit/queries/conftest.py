"""Property tests of this room have no deadline: it would measure the machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("queries", deadline=None)
settings.load_profile("queries")
