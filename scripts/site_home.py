"""What mkdocs.yml adds to MkDocs: README.md is the first page of the site."""

from pathlib import Path

from mkdocs.structure.files import File

README = Path(__file__).resolve().parents[1] / "README.md"


def on_files(files, config):
    """Add README.md as index.md; what it links to in docs/ lies beside it there."""
    text = README.read_text(encoding="utf-8").replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=text))
    return files


def on_page_markdown(markdown, **_):
    """Lead links to README.md to that page."""
    return markdown.replace("](../README.md", "](index.md")
