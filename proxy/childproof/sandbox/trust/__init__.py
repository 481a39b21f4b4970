"""The authority's certificate in the bundles, stores and variables of those who have to trust it."""
