"""The ways in which a folder of CT files deceives a reader, one row each."""
