"""The desk's pages: the static site on a cohort, `report/` for instructors and `feedback/` for students, and the templates of the live one."""

from .site import PdfError, build_site, list_stale

__all__ = ["PdfError", "build_site", "list_stale"]
