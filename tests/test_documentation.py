"""The pages tell of everything that the code has."""

from pathlib import Path

from jaxz.status import WARNING, Status, ZWarn, explain
from notebooks.public_names import public_modules

PAGES = Path(__file__).parents[1] / "notebooks"


def test_every_bit_and_every_code_is_explained():
    assert set(WARNING) == set(ZWarn)
    assert all(explain(code) for code in Status)


def test_every_public_module_has_its_names_in_the_reference():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in sorted((PAGES / "reference").glob("*.md")))
    assert [path for path in public_modules() if f"```{{public}} {path}\n" not in pages] == []


def test_parts_of_the_readme_are_still_where_the_pages_take_them_from():
    """An `include` whose marks are gone would be an empty chapter."""
    readme = (PAGES.parent / "README.md").read_text(encoding="utf-8")
    for path in PAGES.glob("*.md"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith((":start-after: ", ":end-before: ")):
                mark = line.split(": ", 1)[1].strip('"').replace("\\n", "\n")
                assert readme.count(mark) >= 1, f"{path.name}: {line}"
