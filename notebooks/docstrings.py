"""Docstrings as they are read in an editor → reStructuredText.

In them one backtick is for names, | for absolute values and norms, and an equation is indented.
"""

import re

from public_names import public_modules, public_names
from sphinx.application import Sphinx

_WORDS = re.compile(r"(``.+?``|(?<![:`\w])`[^`]+`(?![`_]))")
"""What is between backticks; of the words around it, those that are no role."""


class Docstrings:
    """Docstrings with links to public names."""

    def __init__(self) -> None:
        self.places = {name: f"{path}.{name}" for path in reversed(public_modules()) for name in public_names(path)}

    def text(self, line: str) -> str:
        """Return a line of words: names as links or literals, and nothing else that reStructuredText would take."""
        parts = _WORDS.split(line)
        parts[::2] = [re.sub(r"([|]|(?<!\w)[*](?=\w))", r"\\\1", words) for words in parts[::2]]
        parts[1::2] = [self.name(word) for word in parts[1::2]]
        # Letters may follow a name, as in `FLOOR`².
        parts[2::2] = [rf"\ {words}" if re.match(r"\w|²", words) else words for words in parts[2::2]]
        return "".join(parts)

    def name(self, word: str) -> str:
        """Return a link to a public name, or a literal."""
        name = word.strip("`")
        if word.startswith("``"):
            return word
        place = self.places.get(name, name)
        return f":py:obj:`{name} <{place}>`" if place.startswith("jaxz.") else f"``{name}``"

    def lines(self, lines: list[str]) -> list[str]:
        """Return the lines of a docstring, its fields already as Sphinx has them."""
        done, example, literal = [], False, False
        for number, line in enumerate(lines):
            indent = len(line) - len(line.lstrip())
            begins = bool(line) and indent >= 4 and number > 0 and not lines[number - 1].strip()
            # Several names share an entry, and Sphinx takes the words before the last for a type.
            line = re.sub(r"^:(param|ivar|vartype) [^:]+:", lambda field: field[0].replace(", ", ","), line)
            example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
            if begins and not literal and self._is_words(lines[: number - 1]):
                done += ["::", ""]
                literal = True
            literal = literal and (not line.strip() or indent >= 4)
            done.append(line if example or literal or line.lstrip().startswith("..") else self.text(line))
        return done

    def _is_words(self, above: list[str]) -> bool:
        """Tell whether the paragraph that ends here is one of words at the margin, so that what follows is set off."""
        last = above[-1] if above else ""
        return bool(last) and not last.startswith((" ", ":", ".."))


def short_types(text: str) -> str:
    """Return a text with the types of arrays as the code has them."""
    return re.sub(r"\bjax\.jaxlib\._jax\.|\bjaxlib\._jax\.|\bjaxtyping\.", "", text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx, after napoleon has made fields."""
    docstrings = Docstrings()

    def process(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
        lines[:] = docstrings.lines([short_types(line) for line in lines])

    def sign(
        app: Sphinx, what: str, name: str, value: object, options: object, signature: str | None, returned: str | None
    ) -> tuple[str | None, str | None]:
        return tuple(None if text is None else short_types(text) for text in (signature, returned))

    def skip(app: Sphinx, what: str, name: str, value: object, skips: bool, options: object) -> bool | None:
        return True if type(value).__name__ == "_tuplegetter" else None  # its class tells of it

    app.connect("autodoc-process-docstring", process, priority=900)
    app.connect("autodoc-process-signature", sign)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
