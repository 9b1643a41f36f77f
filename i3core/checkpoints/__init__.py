"""Model folders and adapters: read any public layout safely, save atomically, list, describe and verify."""
