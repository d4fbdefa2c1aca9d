"""The report: one HTML page that shows what a comparison found."""

from nearspace.report.page import render, write_report

__all__ = ["render", "write_report"]
