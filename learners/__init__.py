"""Second floor: learners, their measurement, snapshots of them and the registry of versions."""
