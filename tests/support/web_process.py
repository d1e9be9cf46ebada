"""The real web process with the sample page beside the real ones; run by browser tests."""

import sys

from engine import settings
from engine.gateway import server

if __name__ == "__main__":
    if "--sample" in sys.argv:
        original = server.SITE
        assert original == "components.site:mount"
        import components.site as site

        load = site.load_pages

        def with_sample() -> None:
            load()
            import tests.support.sample_page  # noqa: F401 (registers itself)

        site.load_pages = with_sample
    sys.exit(server.main(settings.from_environment()))
