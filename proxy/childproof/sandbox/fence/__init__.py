"""The redirection of a network namespace that is somebody else's: a pod's, a host's."""
