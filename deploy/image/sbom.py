"""Lists what is installed beside this interpreter as CycloneDX 1.6: sbom.py > FILE. Part of the image's build only."""

import json
import sys
from importlib.metadata import Distribution, distributions
from typing import Any

_MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"


def component(found: Distribution) -> dict[str, Any]:
    """One package: its name as the index has it, its version, its licence in its own words."""
    meta = found.metadata
    listed: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{meta['Name'].lower().replace('_', '-')}@{found.version}",
        "name": meta["Name"],
        "version": found.version,
    }
    listed["purl"] = listed["bom-ref"]
    expression = meta.get("License-Expression")
    if expression:
        listed["licenses"] = [{"expression": expression}]
    elif names := licence_names(found):
        listed["licenses"] = [{"license": {"name": name}} for name in names]
    return listed


def licence_names(found: Distribution) -> list[str]:
    """What an older package says: its classifiers, else its licence field's first line, else what its licence's text begins with."""
    classified = [
        one.rpartition(" :: ")[2]
        for one in found.metadata.get_all("Classifier") or []
        if one.startswith("License :: ") and one != "License :: OSI Approved"
    ]
    written = (found.metadata.get("License") or "").strip()
    if classified or written:
        return classified or [written.splitlines()[0]]
    texts = [one.read_text(encoding="utf-8") for one in found.files or [] if one.name.startswith("LICEN")]
    return ["MIT License" if _MIT in " ".join(text.split()) else text.strip().splitlines()[0] for text in texts[:1]]


def main() -> None:
    """Print the list, sorted by name: the same packages give the same bytes."""
    components = sorted((component(one) for one in distributions()), key=lambda one: str(one["bom-ref"]))
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}
    json.dump(bom, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
