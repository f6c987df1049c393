"""The machine: memory, disk, processors, standard streams."""
