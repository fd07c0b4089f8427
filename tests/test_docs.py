"""What the documentation says of the code is true of it."""

import dataclasses
import re
from pathlib import Path

from hublet.core._config import SETTINGS
from hublet.net.wsgi import Limits

DOCS = Path(__file__).parents[1] / "docs"


def test_the_table_of_settings_has_each_setting_as_it_is():
    table = [line for line in (DOCS / "settings.md").read_text().splitlines() if line.startswith("| `")]
    heading, *rows = table

    assert heading.startswith("| `config.`")
    assert rows == [
        f"| `{each.name}` | `{each.variable}` | `{each.default}` | {each.meaning} |" for each in SETTINGS.values()
    ]


def test_the_table_of_limits_has_each_limit_and_its_default():
    rows = re.findall(r"^\| `(\w+)` \| `([\d.]+)` \|", (DOCS / "http.md").read_text(), re.MULTILINE)

    assert rows == [(field.name, str(field.default)) for field in dataclasses.fields(Limits)]


def test_every_relative_link_leads_somewhere():
    pages = [*DOCS.glob("*.md"), *DOCS.parent.glob("*.md"), *DOCS.parent.glob("packages/*/*.md")]

    links = [
        (page, target.partition("#")[0])
        for page in pages
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
        if not target.startswith(("http", "mailto", "#"))
    ]

    assert links
    assert [f"{page.name}: {target}" for page, target in links if not (page.parent / target).exists()] == []
