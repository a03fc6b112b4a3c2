"""The commands, one a file; each is a plugin of the group ``pantler.commands``.

Not here: what they do, which is in the rooms below, imported when a command runs.
Start with ``create.create``.
"""
