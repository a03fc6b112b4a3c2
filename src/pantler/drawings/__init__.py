"""Drawings: pipeline graphs as terminal text, Mermaid and SVG.

Not here: what is drawn (``pipelines``).
Start with ``pipeline.draw``.
"""
