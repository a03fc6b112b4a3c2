"""Registry: what exists, behind an interface, with its SQL implementation below.

Not here: where files are (``datastores``); users meet it through ``butler``.
Start with ``interface.Registry``, then ``sql``.
"""
