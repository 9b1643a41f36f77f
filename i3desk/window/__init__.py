"""The main window: composition of the pages and services, menus, status bar, closing."""
