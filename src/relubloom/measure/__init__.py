"""Measuring: one pool over chunks of sets, one evaluation of a set, statistics."""
