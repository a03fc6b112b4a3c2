"""Pipelines: tasks with labels and configuration, and the graph that they form.

Not here: the data to run on (``quanta``), or running it (``execution``).
Start with ``pipeline.Pipeline``, then ``graph.PipelineGraph``.
"""
