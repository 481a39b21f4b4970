"""Licenses by their SPDX ids: what a repository can be created with and is shown to have."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, operation

from .naming import API, node_id
from .wording import not_found

# key: name, SPDX id; those that GitHub offers: https://docs.github.com/rest/licenses
LICENSES = {
    "agpl-3.0": ("GNU Affero General Public License v3.0", "AGPL-3.0"),
    "apache-2.0": ("Apache License 2.0", "Apache-2.0"),
    "bsd-2-clause": ('BSD 2-Clause "Simplified" License', "BSD-2-Clause"),
    "bsd-3-clause": ('BSD 3-Clause "New" or "Revised" License', "BSD-3-Clause"),
    "bsl-1.0": ("Boost Software License 1.0", "BSL-1.0"),
    "cc0-1.0": ("Creative Commons Zero v1.0 Universal", "CC0-1.0"),
    "epl-2.0": ("Eclipse Public License 2.0", "EPL-2.0"),
    "gpl-2.0": ("GNU General Public License v2.0", "GPL-2.0"),
    "gpl-3.0": ("GNU General Public License v3.0", "GPL-3.0"),
    "lgpl-2.1": ("GNU Lesser General Public License v2.1", "LGPL-2.1"),
    "mit": ("MIT License", "MIT"),
    "mpl-2.0": ("Mozilla Public License 2.0", "MPL-2.0"),
    "unlicense": ("The Unlicense", "Unlicense"),
}

OTHER = {"key": "other", "name": "Other", "spdx_id": "NOASSERTION", "url": None, "node_id": node_id("L", 0)}


def license_named(key: str) -> dict[str, Any] | None:
    """A license as repositories show it; None for a key that is none."""
    if key not in LICENSES:
        return None
    name, spdx = LICENSES[key]
    number = list(LICENSES).index(key) + 1
    return {"key": key, "name": name, "spdx_id": spdx, "url": f"{API}/licenses/{key}", "node_id": node_id("L", number)}


def license_of(repository: Mapping[str, Any]) -> dict[str, Any] | None:
    """A repository's license."""
    return license_named(repository["_license"]) if repository.get("_license") else None


@operation("GET /licenses")
def list_licenses(ctx: Context) -> Any:
    """The licenses that are commonly used."""
    return ctx.page([license_named(key) for key in LICENSES])


@operation("GET /licenses/{license}")
def get_license(_: Context, license: str) -> dict[str, Any]:  # noqa: A002 - the path's own name
    """One of them; the text itself isn't kept."""
    found = license_named(license.lower())
    if found is None:
        raise not_found()
    name = found["name"]
    return {
        **found, "html_url": f"http://choosealicense.com/licenses/{license.lower()}/", "description": name, "implementation": "",
        "permissions": [], "conditions": [], "limitations": [], "body": name, "featured": license.lower() in {"mit", "apache-2.0", "gpl-3.0"},
    }  # fmt: skip
