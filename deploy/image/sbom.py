"""Lists what is installed beside this interpreter as CycloneDX 1.6: sbom.py > FILE. Part of the image's build only."""

import json
import sys
from importlib.metadata import Distribution, distributions
from typing import Any


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
    """What an older package says: its classifiers, else the first line of its licence field."""
    classified = [
        one.rpartition(" :: ")[2]
        for one in found.metadata.get_all("Classifier") or []
        if one.startswith("License :: ") and one != "License :: OSI Approved"
    ]
    written = (found.metadata.get("License") or "").strip()
    return classified or ([written.splitlines()[0]] if written else [])


def main() -> None:
    """Print the list, sorted by name: the same packages give the same bytes."""
    components = sorted((component(one) for one in distributions()), key=lambda one: str(one["bom-ref"]))
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}
    json.dump(bom, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
