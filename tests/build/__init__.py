"""Builders that the tests share: networks, run folders, pages, processes."""
