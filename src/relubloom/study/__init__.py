"""The main job and its single steps: train, construct, examine, certify, compare, query."""
