"""Tasks: units of science code, their configuration and their connections.

Not here: pipelines of them, or anything that reads a repository.
Start with ``task.PipelineTask`` and ``connections.Connections``.
"""
