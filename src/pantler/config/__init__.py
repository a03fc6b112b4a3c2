"""Config: settings merged from packaged, repository, user, environment and call.

Not here: what settings mean; each plugin owns the model of its section.
Start with ``settings.RepositorySettings``.
"""
