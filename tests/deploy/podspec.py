"""A pod's manifest, read as a kubelet reads it: volumes become folders, containers become `childproof.escape.container`'s."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from childproof.escape import container as kernel
from childproof.escape.container import ENGINE_DEFAULTS, Container, Mount
from tests.deploy.machine import agent_environment, image_environment

OURS = "childproof:"
ENTRYPOINT = ("childproof",)


@dataclass
class Volumes:
    """The folders of a pod's volumes, below `folder`; `maps` and `secrets` are the cluster's, by name and key."""

    folder: Path
    pod: dict[str, Any]
    labels: dict[str, str]
    maps: dict[str, dict[str, str]]
    secrets: dict[str, dict[str, str]]

    def make(self) -> None:
        """Make them all, as they are when the pod's first container starts."""
        group = self.pod.get("securityContext", {}).get("fsGroup")
        for volume in self.pod["volumes"]:
            place = self.folder / volume["name"]
            place.mkdir()
            if "emptyDir" in volume or "persistentVolumeClaim" in volume:
                place.chmod(0o777 if "emptyDir" in volume else 0o755)
                if group is not None:
                    os.chown(place, 0, group)
                    place.chmod(0o2777 if "emptyDir" in volume else 0o2775)
            else:
                self.write(volume, group)

    def update(self, name: str, data: dict[str, str]) -> None:
        """Change a ConfigMap, and every volume that shows it."""
        self.maps[name] = {**self.maps[name], **data}
        for volume in self.pod["volumes"]:
            sources = [volume, *volume.get("projected", {}).get("sources", ())]
            if any(one.get("configMap", {}).get("name") == name for one in sources):
                self.write(volume, self.pod.get("securityContext", {}).get("fsGroup"))

    def write(self, volume: dict[str, Any], group: int | None) -> None:
        """All of a volume's files at once: a new folder, and `..data` led to it by one rename, as Kubernetes does."""
        place = self.folder / volume["name"]
        before = place / "..data"
        number = int(before.readlink().name.rpartition("_")[2]) + 1 if before.is_symlink() else 0
        data = place / f"..2026_01_05_{number}"
        data.mkdir()
        for path, (text, mode) in self.files(volume).items():
            file = data / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(mode)
            if group is not None:
                os.chown(file, 0, group)
        old = before.readlink() if before.is_symlink() else None
        (place / "..data_tmp").symlink_to(data.name)
        (place / "..data_tmp").rename(before)
        for name in {Path(path).parts[0] for path in self.files(volume)}:
            if not (place / name).is_symlink():
                (place / name).symlink_to(Path("..data") / name)
        if old is not None:
            shutil.rmtree(place / old)

    def files(self, volume: dict[str, Any]) -> dict[str, tuple[str, int]]:
        """The text and mode of each file of a volume, by its path in it."""
        found: dict[str, tuple[str, int]] = {}
        for source in volume.get("projected", {}).get("sources", [volume]):
            if "configMap" in source:
                found |= self._chosen(source["configMap"], self.maps[source["configMap"]["name"]])
            elif "secret" in source:
                found |= self._chosen(source["secret"], self.secrets[source["secret"]["secretName"]])
            elif "downwardAPI" in source:
                for item in source["downwardAPI"]["items"]:
                    found[item["path"]] = (self.field(item["fieldRef"]["fieldPath"]), 0o644)
            else:
                raise AssertionError(source)
        return found

    def field(self, path: str) -> str:
        """A field of the pod: one of its labels."""
        label = path.removeprefix("metadata.labels['").removesuffix("']")
        return self.labels[label]

    @staticmethod
    def _chosen(source: dict[str, Any], data: dict[str, str]) -> dict[str, tuple[str, int]]:
        mode = source.get("defaultMode", 0o644)
        items = source.get("items") or [{"key": key, "path": key} for key in data]
        return {item["path"]: (data[item["key"]], mode) for item in items}


def container(spec: dict[str, Any], volumes: Volumes, network: int) -> Container:
    """A container of the pod, whose network namespace is that of the process `network`."""
    context = {**volumes.pod.get("securityContext", {}), **spec["securityContext"]}
    uid = context["runAsUser"]
    assert uid != 0 or not context.get("runAsNonRoot"), spec["name"]
    written = context["capabilities"]
    assert written["drop"] == ["ALL"] or "drop" not in written
    base = frozenset() if "drop" in written else ENGINE_DEFAULTS
    added = {getattr(kernel, name) for name in written.get("add", ())}
    group = context.get("fsGroup")
    image = image_environment() if spec["image"].startswith(OURS) else agent_environment()
    return Container(
        name=spec["name"],
        uid=uid,
        gid=context["runAsGroup"],
        groups=() if group is None else (group,),
        capabilities=base | added,
        no_new_privileges=not context["allowPrivilegeEscalation"],
        mounts=tuple(
            Mount(volumes.folder / mount["name"], mount["mountPath"], read_only=mount.get("readOnly", False))
            for mount in spec.get("volumeMounts", ())
        ),
        empty=(),
        environ={**image, **{one["name"]: one["value"] for one in spec.get("env", ())}},
        read_only_root=context["readOnlyRootFilesystem"],
        network=network,
    )


def command(spec: dict[str, Any]) -> list[str]:
    """What is executed: the manifest's command, else the image's entry point, with its arguments."""
    return [*spec.get("command", ENTRYPOINT if spec["image"].startswith(OURS) else ()), *spec.get("args", ())]
