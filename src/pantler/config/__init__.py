"""Config: settings from packaged defaults, repository, user, environment and call.

Not here: fetching the files; others read them.
Start with ``settings.RepositorySettings``.
"""
