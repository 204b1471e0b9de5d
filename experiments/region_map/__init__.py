"""The region in which networks learn Bloom filters: classes of networks, and their map."""
