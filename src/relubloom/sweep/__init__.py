"""Grids of studies: what to run (`spec`), where results go (`results`), who does it (`workers`).

Nothing is imported here, so that results can be listed without the machinery that makes them.
"""
