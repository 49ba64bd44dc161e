"""SBK for DIRAC: a client of the bookkeeping service SBK, and commands that use it."""


def extension_metadata() -> dict:
    """Tells DIRAC how this extension ranks: above DIRAC itself, below an experiment's own."""
    return {"priority": 5, "primary_extension": False, "setups": {}}
