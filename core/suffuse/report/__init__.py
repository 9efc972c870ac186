"""One self-contained HTML file about a run: curves, samples over time, metrics, recipe, environment."""

from suffuse.report.write import write_report

__all__ = ["write_report"]
