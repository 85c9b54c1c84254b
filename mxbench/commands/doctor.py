"""``mxbench doctor``: does MXNet work here, and if not, why?"""

from __future__ import annotations

import click


@click.command()
def doctor() -> int:
    """Check this machine and explain: Python, NumPy, MXNet, CUDA, the driver, each GPU, threads, data and disk.

    Every line begins with OK, warning or failure, and says what to do. Exits with 1 if there is a failure. Works without
    MXNet as well.
    """
    from ..doctor import FAILURE, WARNING, examine

    findings = examine()
    for finding in findings:
        click.echo(f"{finding.level:8}{finding.subject}: {finding.sentence}")
    failures, warnings = (sum(finding.level == level for finding in findings) for level in (FAILURE, WARNING))
    counts = [f"{count} {name}{'s' * (count != 1)}" for count, name in ((failures, FAILURE), (warnings, WARNING)) if count]
    click.echo(", ".join(counts) or "everything is in order")
    return 1 if failures else 0
