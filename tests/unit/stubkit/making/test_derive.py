"""`childproof stubs derive`: the facts of an interface stay, the prose goes."""

import gzip
import json
import re

import click.testing
import pytest

from childproof.cli.stubs_derive import derive_command, read_document
from childproof.errors import InputError
from childproof.stubkit.making.derive import derive

ADDRESS = {
    "type": "object",
    "description": "Where somebody lives.",
    "properties": {
        "line1": {"type": "string", "maxLength": 5000, "description": "First line."},
        "city": {"type": "string", "maxLength": 5000, "example": "Berlin"},
        "country": {"type": "string", "maxLength": 2, "title": "CountryCode"},
    },
}


def document():
    return {
        "openapi": "3.0.0",
        "info": {"title": "Shop", "version": "7", "description": "All about the shop."},
        "servers": [{"url": "https://api.shop.example/", "description": "Production"}],
        "paths": {
            "/orders/{order}": {
                "parameters": [{"name": "order", "in": "path", "required": True, "schema": {"type": "string"}}],
                "get": {
                    "operationId": "getOrder",
                    "summary": "Read an order",
                    "description": "Prose.",
                    "responses": {
                        "200": {
                            "description": "ok",
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/order"}}},
                        },
                        "default": {"description": "wrong", "content": {}},
                    },
                },
            },
            "/orders": {
                "post": {
                    "operationId": "createOrder",
                    "requestBody": {
                        "content": {
                            "application/x-www-form-urlencoded": {
                                "encoding": {"billing": {"style": "deepObject"}},
                                "schema": {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "required": ["description"],
                                    "properties": {
                                        "description": {"type": "string", "description": "What is ordered."},
                                        "billing": ADDRESS,
                                        "shipping": ADDRESS,
                                    },
                                },
                            }
                        }
                    },
                    "responses": {"200": {"description": "ok"}},
                }
            },
        },
        "components": {
            "schemas": {
                "order": {
                    "type": "object",
                    "title": "Order",
                    "x-resourceId": "order",
                    "x-vendorSecretHint": "internal",
                    "properties": {
                        "id": {"type": "string"},
                        "title": {"type": "string", "description": "A property that is called title."},
                        "state": {"type": "string", "enum": ["open", "done"], "nullable": True},
                    },
                },
                "unused": {"type": "object"},
            }
        },
    }


def derived(**options):
    return json.loads(derive(document(), source="shop.json", **options).text)


def test_prose_is_dropped_and_properties_named_like_prose_stay():
    order = derived()["components"]["schemas"]["order"]
    assert order == {
        "type": "object",
        "x-resourceId": "order",
        "properties": {
            "id": {"type": "string"},
            "title": {"type": "string"},
            "state": {"type": "string", "enum": ["open", "done"], "nullable": True},
        },
    }


def test_no_text_of_the_vendor_remains():
    text = derive(document(), source="shop.json").text.decode()
    for prose in (
        "Prose",
        "Read an order",
        "Where somebody",
        "First line",
        "Berlin",
        "CountryCode",
        "internal",
        "about",
    ):
        assert prose not in text


def test_equal_parts_are_written_once():
    found = derived()
    body = found["paths"]["/orders"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    billing, shipping = body["properties"]["billing"], body["properties"]["shipping"]
    assert billing == shipping
    name = billing["$ref"].removeprefix("#/components/schemas/")
    assert re.fullmatch(r"billing\.[0-9a-f]{8}", name)
    assert set(found["components"]["schemas"][name]["properties"]) == {"line1", "city", "country"}


def test_path_parameters_move_into_the_operations():
    operation = derived()["paths"]["/orders/{order}"]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["order"]


def test_what_a_key_must_be_good_for_is_kept():
    """Scopes are the interface; that there must be a key at all is the stub's to say."""
    written = document()
    written["security"] = [{"key": ["everything"]}]
    written["paths"]["/orders"]["post"]["security"] = [{"key": ["orders"]}]
    written["paths"]["/orders/{order}"]["get"]["security"] = [{"key": []}]
    made = json.loads(derive(written, source="shop.json").text)
    assert made["security"] == [{"key": ["everything"]}]
    assert made["paths"]["/orders"]["post"]["security"] == [{"key": ["orders"]}]
    assert "security" not in made["paths"]["/orders/{order}"]["get"]


def test_only_successes_are_kept():
    assert list(derived()["paths"]["/orders/{order}"]["get"]["responses"]) == ["200"]


def test_schemas_that_nothing_refers_to_are_left_out():
    assert "unused" not in derived()["components"]["schemas"]


def test_only_keeps_the_paths_named():
    found = derived(only=["/orders/"])
    assert list(found["paths"]) == ["/orders/{order}"]


def page(schema, **components):
    replies = {"200": {"content": {"application/json": {"schema": schema}}}}
    return {"openapi": "3.0.0", "paths": {"/page": {"get": {"responses": replies}}}, "components": components}


def reply_of_page(tmp_path, added):
    """What `derive --with` makes of a page's reply, and the whole surface."""
    spec, more, output = tmp_path / "spec.json", tmp_path / "pages.json", tmp_path / "openapi.json"
    spec.write_text(json.dumps(document()))
    more.write_text(json.dumps(added))
    arguments = [str(spec), "-o", str(output), "--with", str(more)]
    result = click.testing.CliRunner().invoke(derive_command, arguments)
    if result.exception is not None:
        raise result.exception
    found = json.loads(output.read_text())
    return found["paths"]["/page"]["get"]["responses"]["200"]["content"]["application/json"]["schema"], found


def test_added_paths_may_refer_to_the_vendors_schemas(tmp_path):
    """Also to one that nothing else refers to: it is kept for them."""
    schema, found = reply_of_page(tmp_path, page({"$ref": "#/components/schemas/unused"}))
    assert schema == {"$ref": "#/components/schemas/unused"}
    assert found["components"]["schemas"]["unused"] == {"type": "object"}


def test_added_paths_bring_their_own_schemas(tmp_path):
    own = {"page": {"type": "object", "properties": {"order": {"$ref": "#/components/schemas/order"}}}}
    _, found = reply_of_page(tmp_path, page({"$ref": "#/components/schemas/page"}, schemas=own))
    assert found["components"]["schemas"]["page"] == own["page"]


def test_an_added_reference_that_neither_document_has_is_refused_with_its_place(tmp_path):
    with pytest.raises(InputError, match=r"pages\.json:1:\d+: \$ref: #/components/schemas/odrer: nothing stands there"):
        reply_of_page(tmp_path, page({"$ref": "#/components/schemas/odrer"}))


def test_an_added_schema_that_the_vendor_has_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a schema 'order', which .*spec\.json has; expected a name of its own"):
        reply_of_page(tmp_path, page({"$ref": "#/components/schemas/order"}, schemas={"order": {"type": "object"}}))


def test_an_added_null_takes_a_vendors_method_away():
    """Its other methods stay, and what the added document has joins them."""
    method = {"responses": {"200": {}}}
    vendor = {"openapi": "3.0.0", "paths": {"/orders": {"get": method, "put": method}}}
    more = {"openapi": "3.0.0", "paths": {"/orders": {"get": None, "post": method}}}
    found = json.loads(derive(vendor, source="a", more=[more]).text)
    assert found["paths"]["/orders"].keys() == {"put", "post"}


def test_a_prefix_that_fits_nothing_is_refused():
    with pytest.raises(InputError, match="fits no path"):
        derived(only=["/invoices"])


def test_what_is_no_openapi_document_is_refused():
    with pytest.raises(InputError, match="no OpenAPI 3 document"):
        derive({"swagger": "2.0"}, source="old.json")


def test_the_same_document_gives_the_same_bytes():
    assert derive(document(), source="a").text == derive(document(), source="b").text


def test_each_path_and_schema_has_a_line_of_its_own():
    lines = derive(document(), source="shop.json").text.decode().splitlines()
    assert sum(line.startswith('"/orders') for line in lines) == 2
    assert sum(line.startswith('"order"') for line in lines) == 1


def test_the_command_reads_gzip_and_reports_sizes(tmp_path):
    spec, output = tmp_path / "spec.json.gz", tmp_path / "openapi.json"
    spec.write_bytes(gzip.compress(json.dumps(document()).encode()))
    result = click.testing.CliRunner().invoke(derive_command, [str(spec), "-o", str(output)])
    assert result.exit_code == 0, result.output
    assert "2 paths, 2 operations, 1 schemas, 1 parts shared" in result.output
    assert json.loads(output.read_bytes()) == derived()


def test_yaml_is_read_too(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text("openapi: 3.1.0\npaths: {}\n")
    assert read_document(spec) == {"openapi": "3.1.0", "paths": {}}


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"\x1f\x8bbroken", "can't be|broken|gzip"), (b"{", "no JSON"), (b"- 1\n", "no mapping")],
)
def test_a_broken_file_is_one_clear_fault(tmp_path, content, found):
    spec = tmp_path / "spec.json"
    spec.write_bytes(content)
    with pytest.raises(InputError, match=found):
        read_document(spec)
