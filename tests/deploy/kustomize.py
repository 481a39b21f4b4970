"""What `kubectl kustomize` makes of a folder, for the few words of it that our folders use; any other is refused.

test_kubernetes.py holds it to kubectl's own answer where there is one.
"""

import copy
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]
_KNOWN = {
    "apiVersion", "kind", "namespace", "resources", "configMapGenerator", "generatorOptions", "images", "patches",
}  # fmt: skip
_CLUSTER_WIDE = ("Namespace",)


def build(folder: Path) -> list[Resource]:
    """The resources of a kustomization, each as it would be applied."""
    written = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(written) <= _KNOWN, f"{folder}: {set(written) - _KNOWN}"
    resources: list[Resource] = []
    for name in written.get("resources", ()):
        path = folder / name
        resources += build(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    _generate(written, folder, resources)
    for patch in written.get("patches", ()):
        _patch(resources, patch)
    for image in written.get("images", ()):
        for container in (found for resource in resources for found in containers(resource)):
            if container["image"] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
    if "namespace" in written:
        for resource in resources:
            if resource["kind"] not in _CLUSTER_WIDE:
                resource["metadata"]["namespace"] = written["namespace"]
    return resources


def containers(resource: Resource) -> list[dict[str, Any]]:
    """A workload's containers, those of its start first, in their order."""
    spec = resource.get("spec", {}).get("template", {}).get("spec", {})
    return [*spec.get("initContainers", ()), *spec.get("containers", ())]


def _generate(written: dict[str, Any], folder: Path, resources: list[Resource]) -> None:
    generated = written.get("configMapGenerator", ())
    assert not generated or written["generatorOptions"] == {"disableNameSuffixHash": True}
    for item in generated:
        data = {Path(name).name: (folder / name).read_text() for name in item["files"]}
        if item.get("behavior", "create") == "merge":
            [known] = [
                one for one in resources if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", item["name"])
            ]
            known["data"] |= data
        else:
            resources.append(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": item["name"]}, "data": data}
            )


def _patch(resources: list[Resource], patch: dict[str, Any]) -> None:
    """RFC 6902, of which `test`, `add` and `replace` are enough."""
    kind, name = patch["target"]["kind"], patch["target"]["name"]
    [target] = [one for one in resources if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    for step in yaml.safe_load(patch["patch"]):
        *path, last = step["path"].removeprefix("/").split("/")
        place: Any = target
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        value = copy.deepcopy(step["value"])
        match step["op"], place:
            case "test", dict():
                assert place[last] == value, f"{step}: {place[last]}"
            case "add", list() if last == "-":
                place.append(value)
            case "add", dict():
                place[last] = value
            case "replace", dict():
                assert last in place, step
                place[last] = value
            case "replace", list():
                place[int(last)] = value
            case _:
                raise AssertionError(step)
