"""What stub.yaml declares, as values: the manifest, the settings, the resources."""
