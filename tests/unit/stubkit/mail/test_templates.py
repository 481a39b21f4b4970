"""Templates of mail services: what Handlebars makes of them, and where they end."""

import pytest

from childproof.stubkit.mail.templates import Rendering, TemplateError, compiled

DATA = {
    "name": "Jenny <3",
    "person": {"first": "Jenny", "tags": ["a", "b"]},
    "items": [{"title": "Tea", "price": 2.5}, {"title": "Mug", "price": 9.0}],
    "vip": True,
    "none": [],
    "zero": 0,
    "empty": {},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hi {{name}}, {{{name}}}, {{&name}}", "Hi Jenny &lt;3, Jenny <3, Jenny <3"),
        ("{{person.first}} {{person/first}} {{person.tags.[1]}} {{person.tags.0}} {{person.tags.length}}", "Jenny Jenny b a 2"),
        ("{{nobody}}{{person.nobody.more}}|", "|"),
        ("{{#if vip}}yes{{else}}no{{/if}} {{#if none}}yes{{else}}no{{/if}} {{#if zero}}yes{{/if}}{{#if empty}}{}{{/if}}", "yes no {}"),
        ("{{#if zero}}a{{else if none}}b{{else if vip}}c{{else}}d{{/if}}", "c"),
        ("{{#unless vip}}a{{else}}b{{/unless}}", "b"),
        ("{{#each items}}{{@index}}{{title}}{{#if @last}}.{{else}}, {{/if}}{{/each}}", "0Tea, 1Mug."),
        ("{{#each items}}{{../person.first}} {{this.price}};{{/each}}", "Jenny 2.5;Jenny 9;"),
        ("{{#each person}}{{@key}} {{/each}}{{#each none}}x{{else}}nothing{{/each}}", "first tags nothing"),
        ("{{#with person}}{{first}} {{@root.vip}}{{/with}}", "Jenny true"),
        ("{{#person.tags}}{{.}}{{this}} {{/person.tags}}{{^none}}none{{/none}}{{#vip}}{{name}}{{/vip}}", "aa bb noneJenny &lt;3"),
        ("{{! no }}{{!-- }} no --}}a", "a"),
        ("a {{~name~}} b", "aJenny &lt;3b"),
        ("<ul>\n  {{#each items}}\n  <li>{{title}}</li>\n  {{/each}}\n</ul>\n", "<ul>\n  <li>Tea</li>\n  <li>Mug</li>\n</ul>\n"),
        ('{{insert nick "default=friend"}} {{insert name "x"}}', "friend Jenny &lt;3"),
        ('{{#equals person.first "Jenny"}}same{{else}}other{{/equals}} {{#greaterThan zero 1}}a{{else}}b{{/greaterThan}}', "same b"),
        ("{{#if (and vip (not none))}}both{{/if}}", "both"),
        ("{{vip}} {{items}} {{person.tags}}", "true [object Object],[object Object] a,b"),
    ],
)  # fmt: skip
def test_a_template_says_what_handlebars_would_say(template: str, text: str) -> None:
    assert compiled(template).render(DATA) == text


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{{#if vip}}", 1), ("a\n{{/if}}", 2), ("{{#if vip}}{{/each}}", 1), ("\n\n{{name", 3), ("{{}}", 1), ("{{#each}}{{/each}}", 1),
        ("{{else}}", 1), ("{{> partial}}", 1), ("{{(name}}", 1), ("{{a b}c}}", 1), ('{{"x" y}}', 1), ("{{#if a}}" * 60 + "{{/if}}" * 60, 1),
    ],
)  # fmt: skip
def test_a_broken_template_is_refused_with_its_line(template: str, line: int) -> None:
    with pytest.raises(TemplateError) as caught:
        compiled(template)
    assert caught.value.line == line


def test_what_is_missing_can_be_refused_by_name() -> None:
    with pytest.raises(TemplateError) as caught:
        compiled("{{name}} {{order.total}}").render(DATA, missing="refuse")
    assert caught.value.name == "order.total"
    assert compiled("{{#if order}}x{{/if}}{{#order}}y{{/order}}").render(DATA, missing="refuse") == ""


def test_a_helper_that_nobody_has_is_refused() -> None:
    with pytest.raises(TemplateError, match='Missing helper: "shout"'):
        compiled("{{shout name}}").render(DATA)
    assert compiled("{{shout name}}").render(DATA, escape=False, helpers={"shout": str.upper}) == "JENNY <3"


def test_nothing_of_python_can_be_reached() -> None:
    assert compiled("{{name.__class__}}{{person.keys}}{{items.append}}|").render(DATA) == "|"


def test_a_template_that_makes_too_much_comes_to_an_end() -> None:
    wide = {"x": [0] * 1000, "text": "a" * 100_000}
    with pytest.raises(TemplateError, match="steps"):
        compiled("{{#each x}}{{#each @root.x}}{{#each @root.x}}{{/each}}a{{/each}}{{/each}}").render(wide)
    with pytest.raises(TemplateError, match="characters"):
        compiled("{{#each x}}{{@root.text}}{{/each}}").render(wide)
    with pytest.raises(TemplateError, match="characters"):
        compiled("a" * 1_000_001)


def test_a_template_says_what_data_it_wants() -> None:
    wanted = compiled("{{name}} {{#each items}}{{title}}{{/each}} {{company.name}}{{#if vip}}{{code}}{{/if}}").names()
    assert wanted == {
        "name": "name_Value", "items": [{"title": "title_Value"}], "company": {"name": "name_Value"}, "code": "code_Value", "vip": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "template",
    ["{{" * 400_000, "{{{ }}" * 100_000, "{{!-- }}" * 100_000, "{{a" + " b" * 400_000 + "}}", "{{and" + " a" * 400_000 + "}}"],
    ids=["open", "raw", "comments", "words", "arguments"],
)  # fmt: skip
def test_a_template_made_to_be_read_slowly_is_refused(template: str) -> None:
    """Ends that never come are looked for once, and there may be only so many tags."""
    with pytest.raises(TemplateError):
        compiled(template)


@pytest.mark.parametrize(
    ("template", "data"),
    [("{{equals a b}}" * 4000, {"a": "1" * 1_000_000, "b": "1" * 1_000_000 + "2"}), ("{{a}}" * 4000, {"a": [[[]] * 60_000]}),
     ("{{#each a}}{{#each ../a}}{{/each}}{{/each}}", {"a": [0] * 200_000})],
    ids=["texts", "lists", "loops"],
)  # fmt: skip
def test_large_values_count_as_steps(template: str, data: dict[str, object]) -> None:
    """A small template may not look at much as often as it likes."""
    with pytest.raises(TemplateError, match="steps"):
        compiled(template).render(data)


def test_what_one_call_renders_is_bounded_together() -> None:
    """Each of a thousand letters is small; all of them are not."""
    made, within = compiled("{{#each a}}{{/each}}"), Rendering()
    data = {"a": [0] * 30_000}
    with pytest.raises(TemplateError, match="steps"):
        for _ in range(1000):
            assert made.render(data, within=within) == ""
    assert made.render(data) == ""
