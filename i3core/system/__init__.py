"""The machine and its operating system: devices, memory, files, process groups, optional packages."""
