"""Jinja's templates, set up so that what a template shows is all that it writes."""

from __future__ import annotations

import jinja2


def environment(**settings) -> jinja2.Environment:
    """For the templates of :mod:`mxbench.report`; ``settings`` are jinja's own."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("mxbench.report"), trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=jinja2.StrictUndefined, autoescape=False, **settings,
    )
